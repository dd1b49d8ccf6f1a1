"""Trust levels: four rows, tuned and never added or removed."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest

from controlplane.inventory.models import RISK_NAMES, Server, Tool, TrustLevel
from controlplane.policy.admin_base import ItemForm
from controlplane.policy.admin_fields import moved
from controlplane.policy.admin_item import ItemAdmin
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.declarative.problems import Path, Problem
from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject

FIELDS: Mapping[Path, str] = {
    ("sandbox", "fs"): "sandbox_fs",
    ("sandbox", "net"): "sandbox_net",
    ("stale_s", "high"): "stale_high_s",
    ("stale_s", "all"): "stale_all_s",
    ("stale_s",): "stale_all_s",
}


class TrustLevelForm(ItemForm):
    """The level's name stays."""

    class Meta:
        model = TrustLevel
        fields = ("ceiling", "pins", "sandbox_fs", "sandbox_net", "stale_high_s", "stale_all_s")
        labels = {
            "pins": "Pins",
            "sandbox_fs": "Sandbox: files",
            "sandbox_net": "Sandbox: network",
            "stale_high_s": "HIGH and CRITICAL stop after",
            "stale_all_s": "Everything stops after",
        }
        help_texts = {
            "ceiling": "The highest risk that is called without an approval, whatever a grant says.",
            "pins": "required: a tool whose definition is no longer the reviewed one is held.",
            "sandbox_fs": "What a launched server sees of the disk, unless the server says otherwise.",
            "sandbox_net": "What a launched server reaches, unless the server says otherwise.",
            "stale_high_s": "Seconds without news from the control plane.",
            "stale_all_s": "Seconds without news from the control plane.",
        }

    def item(self) -> JsonObject:
        given = self.cleaned_data
        return {
            "name": self.instance.name,
            "ceiling": given["ceiling"],
            "pins": given["pins"],
            "sandbox": {"fs": given["sandbox_fs"], "net": given["sandbox_net"]},
            "stale_s": {"high": given["stale_high_s"], "all": given["stale_all_s"]},
        }

    def _add_problem(self, problem: Problem) -> None:
        super()._add_problem(moved(problem, FIELDS))


@admin.register(TrustLevel)
class TrustLevelAdmin(ItemAdmin[TrustLevel]):
    """What a level means is said in numbers of servers and tools."""

    section = "trust_levels"
    form = TrustLevelForm
    list_display = ("name", "ceiling", "pins", "shown_sandbox", "shown_budgets", "shown_servers")
    search_fields = ("name",)
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("ceiling", "pins")}),
        ("Sandbox of servers that are launched", {"fields": ("sandbox_fs", "sandbox_net")}),
        ("Without news from the control plane", {"fields": ("stale_high_s", "stale_all_s")}),
        ("Why", {"fields": ("why",)}),
    )

    @admin.display(description="sandbox")
    def shown_sandbox(self, level: TrustLevel) -> str:
        return f"files {level.sandbox_fs}, network {level.sandbox_net}"

    @admin.display(description="stops without news")
    def shown_budgets(self, level: TrustLevel) -> str:
        return f"HIGH after {level.stale_high_s} s, everything after {level.stale_all_s} s"

    @admin.display(description="servers")
    def shown_servers(self, level: TrustLevel) -> str:
        return str(level.servers.filter(retired=False).count())  # four rows

    def key_item(self, obj: TrustLevel) -> JsonObject:
        return {"name": obj.name}

    def row_of(self, item: JsonObject, applied: Applied) -> TrustLevel:
        return TrustLevel.objects.get(name=str(item["name"]))

    def facts(self, request: HttpRequest, obj: TrustLevel) -> dict[str, Any]:
        return {
            "servers": Server.objects.filter(trust_level=obj, retired=False).count(),
            "risks": risks_of(obj),
        }


def risks_of(level: TrustLevel) -> list[tuple[str, int, bool]]:
    """Each risk, how many tools have it, and whether a call of them needs an approval."""
    tools = Tool.objects.filter(server__trust_level=level, server__retired=False)
    counts = dict(tools.order_by().values_list("risk").annotate(n=Count("pk")))
    ceiling = Risk(level.ceiling).rank
    return [(risk, counts.get(risk, 0), Risk(risk).rank > ceiling) for risk in RISK_NAMES]
