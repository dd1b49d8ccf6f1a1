"""Grants in the web admin: each explains itself in a sentence, and says what it comes to today."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from controlplane.common.admin import badge
from controlplane.common.errors import InvalidState
from controlplane.common.unseen import shortened
from controlplane.grants.admin_filters import OfGroupFilter, OnServerFilter, ReachingFilter, WindowFilter
from controlplane.grants.admin_form import GrantForm
from controlplane.grants.effect import around, effect_of
from controlplane.grants.models import Grant
from controlplane.grants.sentence import sentence
from controlplane.inventory.models import Server
from controlplane.policy.admin_item import ItemAdmin
from controlplane.policy.declarative.outcome import Applied
from controlplane.principals.models import Group, Principal
from enforcer.contract.strict_json import JsonObject

KEY_SHOWN = 10
PREFILLED = {"principal": Principal, "group": Group, "server": Server}


@admin.register(Grant)
class GrantAdmin(ItemAdmin[Grant]):
    """Issue and revoke."""

    section = "grants"
    form = GrantForm
    asks = ("id", "why")
    list_display = ("says", "shown_effect", "max_risk", "window", "ticket", "shown_key")
    list_display_links = ("says",)
    list_filter = (
        "effect",
        WindowFilter,
        "max_risk",
        "trust",
        "risk",
        ReachingFilter,
        OnServerFilter,
        OfGroupFilter,
    )
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

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What a link of another page fills in; a key of nothing is left out."""
        given: dict[str, Any] = super().get_changeform_initial_data(request)
        return {name: value for name, value in given.items() if name not in PREFILLED or _is_there(name, value)}

    @admin.display(description="in a sentence", ordering="principal__subject")
    def says(self, grant: Grant) -> str:
        return shortened(sentence(grant), 300)

    @admin.display(description="effect", ordering="effect")
    def shown_effect(self, grant: Grant) -> str:
        return badge(grant.effect, "good" if grant.effect == "allow" else "bad")

    @admin.display(description="window", ordering="not_after")
    def window(self, grant: Grant) -> str:
        now = timezone.now()
        if grant.not_after and grant.not_after <= now:
            return badge("ended", "quiet")
        if grant.not_before and grant.not_before > now:
            return badge("not begun", "quiet")
        return f"until {grant.not_after:%Y-%m-%d}" if grant.not_after else "open"

    @admin.display(description="key", ordering="key")
    def shown_key(self, grant: Grant) -> str:
        long = grant.key.startswith("g-") and len(grant.key) > KEY_SHOWN
        return format_html('<code class="nowrap">{}</code>', f"{grant.key[:KEY_SHOWN]}…" if long else grant.key)

    def key_item(self, obj: Grant) -> JsonObject:
        return {"id": obj.key, **around(obj)}  # all that it speaks of: what is read around it is bounded by that

    def row_of(self, item: JsonObject, applied: Applied) -> Grant:
        key = applied.changes[0].key if applied.changes else item.get("id")
        row = Grant.objects.filter(key=key).first()
        if row is None:  # somebody else issued the same grant since the form was checked
            raise InvalidState("grant", "the same grant is there already")
        return row

    def facts(self, request: HttpRequest, obj: Grant) -> dict[str, Any]:
        return {"says": sentence(obj), "effect": effect_of(obj)}


def _is_there(name: str, value: str) -> bool:
    model = PREFILLED[name]
    wrong = model is not Server and not (value.isascii() and value.isdigit() and len(value) < 18)
    return not wrong and model._default_manager.filter(pk=value).exists()
