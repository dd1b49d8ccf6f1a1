"""Grants in the web admin: each explains itself in a sentence."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane.common.admin import badge
from controlplane.common.form_fields import JsonField, LinesField
from controlplane.common.unseen import shortened
from controlplane.grants.models import Grant
from controlplane.grants.sentence import sentence
from controlplane.policy.admin_base import ItemForm, PolicyAdmin
from controlplane.policy.declarative.outcome import Applied
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text


class GrantForm(ItemForm):
    """Who × what, and the limits. The model's `key` is the item's `id`."""

    id = forms.CharField(required=False, max_length=63, help_text="Left empty, it is made of what the grant says.")
    tools = LinesField(help_text="Names or globs of tools, one a line; * alone is every tool of the server.")
    constraint = JsonField(help_text="A JSON Schema that the arguments have to satisfy.")

    class Meta:
        model = Grant
        fields = ("effect", "principal", "group", "server", "trust", "risk", "max_risk", "rate", "not_before",
                  "not_after", "reason", "ticket")  # fmt: skip
        help_texts = {
            "principal": "Either a principal or a group.",
            "server": "A server and its tools, or a selector below.",
            "trust": "Instead of a server: every server of this trust level.",
            "risk": "Instead of a server: every tool of this risk.",
            "max_risk": "Calls above it need an approval.",
            "rate": "Like 10/minute; empty is no limit.",
            "not_before": "UTC.",
            "not_after": "UTC; then the grant ends by itself.",
        }
        widgets = {"reason": forms.Textarea({"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["id"].disabled = True
            for name in ("tools", "constraint"):
                self.initial[name] = getattr(self.instance, name)
            self.initial["id"] = self.instance.key

    def item(self) -> JsonObject:
        given = self.cleaned_data
        who: JsonObject = {}
        if given["principal"]:
            who = {"principal": given["principal"].subject, "issuer": given["principal"].issuer}
        if given["group"]:
            who["group"] = given["group"].name
        deny = given["effect"] == "deny"
        item: JsonObject = {
            "id": given["id"],
            "effect": given["effect"],
            **who,
            "server": given["server"].id if given["server"] else "",
            "tools": given["tools"] or None,
            "trust": given["trust"],
            "risk": given["risk"],
            "max_risk": "" if deny else given["max_risk"],
            "constraint": given["constraint"],
            "rate": given["rate"],
            "not_before": to_text(given["not_before"].timestamp()) if given["not_before"] else "",
            "not_after": to_text(given["not_after"].timestamp()) if given["not_after"] else "",
            "reason": given["reason"],
            "ticket": given["ticket"],
        }
        return {key: value for key, value in item.items() if value not in ("", None)}


class EndedFilter(admin.SimpleListFilter):
    """Grants whose window is over, or not begun, decide nothing."""

    title = "window"
    parameter_name = "window"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open now"), ("ended", "ended"), ("later", "not begun")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        now = timezone.now()
        match self.value():
            case "open":
                begun = Q(not_before__isnull=True) | Q(not_before__lte=now)
                return queryset.filter(begun, Q(not_after__isnull=True) | Q(not_after__gt=now))
            case "ended":
                return queryset.filter(not_after__lte=now)
            case "later":
                return queryset.filter(not_before__gt=now)
        return queryset


@admin.register(Grant)
class GrantAdmin(PolicyAdmin[Grant]):
    """Issue and revoke."""

    section = "grants"
    form = GrantForm
    list_display = ("key", "shown_effect", "says", "window", "ticket")
    list_display_links = ("key", "says")
    list_filter = ("effect", EndedFilter, "max_risk", "trust", "risk", "server__trust_level")
    search_fields = ("key", "principal__subject", "group__name", "server__id", "ticket", "reason")
    list_select_related = ("principal", "group", "server")
    autocomplete_fields = ("principal", "group", "server")
    ordering = ("key",)
    fieldsets = (
        (None, {"fields": ("effect", "principal", "group")}),
        ("What", {"fields": ("server", "tools", "trust", "risk")}),
        ("Limits", {"fields": ("max_risk", "constraint", "rate", "not_before", "not_after")}),
        ("Why", {"fields": ("reason", "ticket", "id", "why")}),
    )

    @admin.display(description="effect", ordering="effect")
    def shown_effect(self, grant: Grant) -> str:
        return badge(grant.effect, "good" if grant.effect == "allow" else "bad")

    @admin.display(description="in a sentence")
    def says(self, grant: Grant) -> str:
        return shortened(sentence(grant), 300)

    @admin.display(description="window")
    def window(self, grant: Grant) -> str:
        now = timezone.now()
        if grant.not_after and grant.not_after <= now:
            return badge("ended", "quiet")
        if grant.not_before and grant.not_before > now:
            return badge("not begun", "quiet")
        return f"until {grant.not_after:%Y-%m-%d}" if grant.not_after else "open"

    def key_item(self, obj: Grant) -> JsonObject:
        who = obj.principal.subject if obj.principal else ""
        return {"id": obj.key, "principal": who, "group": obj.group.name if obj.group else ""}

    def row_of(self, item: JsonObject, applied: Applied) -> Grant:
        if applied.changes:
            return Grant.objects.get(key=applied.changes[0].key)
        return Grant.objects.get(key=item["id"])
