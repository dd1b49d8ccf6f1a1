"""Risk patterns in the web admin: what the security team looks for beside the default ones."""

from typing import Any

from django.contrib import admin

from controlplane.common.admin import badge
from controlplane.common.unseen import shortened
from controlplane.inventory.admin_badges import RISK_TONES
from controlplane.inventory.models import RiskPattern
from controlplane.policy.admin_fields import keep
from controlplane.policy.admin_item import ItemAdmin, ObjectForm
from controlplane.policy.declarative.outcome import Applied
from enforcer.contract.strict_json import JsonObject


class RiskPatternForm(ObjectForm):
    """Pattern and place are what it is known by; they stay."""

    class Meta:
        model = RiskPattern
        fields = ("pattern", "where", "risk")
        help_texts = {
            "pattern": "A regular expression that is searched for; no look-around, no back-references.",
            "where": "The tool's name, its description, or the texts of arguments.",
            "risk": "CRITICAL in arguments makes the call CRITICAL; everything else counts where a risk is proposed.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            keep(self, "pattern", "where")

    def item(self) -> JsonObject:
        given = self.cleaned_data
        return {"pattern": given["pattern"], "risk": given["risk"], "where": given["where"]}


@admin.register(RiskPattern)
class RiskPatternAdmin(ItemAdmin[RiskPattern]):
    """They raise a risk and never lower one; the default patterns stay."""

    section = "risk_patterns"
    form = RiskPatternForm
    list_display = ("shown_pattern", "where", "shown_risk")
    list_filter = ("where", "risk")
    search_fields = ("pattern",)
    ordering = ("where", "pattern")
    fieldsets = ((None, {"fields": ("pattern", "where", "risk", "why")}),)

    @admin.display(description="pattern", ordering="pattern")
    def shown_pattern(self, row: RiskPattern) -> str:
        return shortened(row.pattern, 120)

    @admin.display(description="risk", ordering="risk")
    def shown_risk(self, row: RiskPattern) -> str:
        return badge(row.risk, RISK_TONES[row.risk])

    def key_item(self, obj: RiskPattern) -> JsonObject:
        return {"where": obj.where, "pattern": obj.pattern}

    def row_of(self, item: JsonObject, applied: Applied) -> RiskPattern:
        return RiskPattern.objects.get(where=str(item["where"]), pattern=str(item["pattern"]))
