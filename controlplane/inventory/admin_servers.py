"""Servers: how far each is trusted, how the gate signs in, what is switched off, and who enforces it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.admin import badge
from controlplane.common.admin_pages import Some, some
from controlplane.common.unseen import shortened
from controlplane.grants.models import Grant
from controlplane.grants.reach import grants_on
from controlplane.grants.sentence import sentence
from controlplane.inventory.admin_badges import trust_badge
from controlplane.inventory.admin_server_form import NOT_SERVED, ServerForm
from controlplane.inventory.models import CredentialMode, Server
from controlplane.inventory.review import waiting_tools
from controlplane.inventory.standing import UNSET, Standing, enforcers_of, raised_switches, standings, switches_on
from controlplane.policy.admin_item import ItemAdmin
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.models import Published
from enforcer.contract.strict_json import JsonObject


class RetiredFilter(admin.SimpleListFilter):
    """A removed server keeps its row and is no longer listed."""

    title = "in use"
    parameter_name = "retired"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "removed")]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield choice | {"display": "in use" if choice["display"] == "All" else choice["display"]}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Server]) -> QuerySet[Server]:
        return queryset.filter(retired=self.value() == "yes")


@admin.register(Server)
class ServerAdmin(ItemAdmin[Server]):
    """Declare, change, remove."""

    section = "servers"
    form = ServerForm
    list_display = ("id", "shown_title", "trust", "credential", "shown_tools", "shown_enforcers", "shown_state")
    list_filter = ("trust_level", "credential_mode", RetiredFilter)
    search_fields = ("id", "title")
    ordering = ("id",)
    readonly_fields = ("not_served",)
    fieldsets = (
        (None, {"fields": ("id", "title", "trust_level", "credential_mode")}),
        ("What arguments may name", {"fields": ("workspace", "egress")}),
        ("Sandbox, where an enforcer launches it", {"fields": ("sandbox_fs", "sandbox_net")}),
        ("Limits", {"fields": ("rate", "timeout_s", "max_request_bytes", "max_response_bytes")}),
        ("Not served by this version", {"fields": ("not_served",)}),
        ("Why", {"fields": ("why",)}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Server], search_term: str
    ) -> tuple[QuerySet[Server], bool]:
        """What forms offer to choose is in use."""
        found, doubled = super().get_search_results(request, queryset, search_term)
        match = request.resolver_match
        return (found.filter(retired=False) if match and match.url_name == "autocomplete" else found), doubled

    def has_delete_permission(self, request: HttpRequest, obj: Server | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.retired)

    def tell(self, rows: Sequence[Server]) -> None:
        """How they stand."""
        found = standings(rows)
        for row in rows:
            row.standing = found[row.id]  # type: ignore[attr-defined]

    @admin.display(description="title", ordering="title")
    def shown_title(self, server: Server) -> str:
        return shortened(server.title, 80)

    @admin.display(description="trust", ordering="trust_level")
    def trust(self, server: Server) -> str:
        return trust_badge(server.trust_level_id)

    @admin.display(description="credential", ordering="credential_mode")
    def credential(self, server: Server) -> str:
        if server.credential_mode != CredentialMode.UNSET:
            return server.credential_mode
        word, _, consequence = UNSET.partition(": ")
        return format_html('{} <span class="bad">{}</span>', badge(word, "bad"), consequence)

    @admin.display(description="tools")
    def shown_tools(self, server: Server) -> str:
        standing = _of(server)
        return f"{standing.tools}, {standing.waiting} held" if standing.waiting else str(standing.tools)

    @admin.display(description="enforcers")
    def shown_enforcers(self, server: Server) -> str:
        return str(_of(server).enforcers) if _of(server).enforcers else badge("none", "person")

    @admin.display(description="state")
    def shown_state(self, server: Server) -> str:
        standing = _of(server)
        if standing.killed:
            return badge("killed", "bad")
        return badge(f"{standing.partly} switch{'es' * (standing.partly > 1)}", "bad") if standing.partly else "open"

    @admin.display(description="left out")
    def not_served(self, server: Server) -> str:
        return NOT_SERVED

    def key_item(self, obj: Server) -> JsonObject:
        return {"id": obj.id}

    def row_of(self, item: JsonObject, applied: Applied) -> Server:
        return Server.objects.get(id=str(item["id"]))

    def facts(self, request: HttpRequest, obj: Server) -> dict[str, Any]:
        actor = actor_of_request(request)
        return {
            "standing": standings([obj])[obj.id],
            "unset": UNSET if obj.credential_mode == CredentialMode.UNSET else "",
            "published": Published.objects.filter(server=obj).select_related("snapshot", "incident").first(),
            "enforcers": enforcers_of(obj),
            "switches": switches_on(obj, raised_switches()),
            "granted": granted_on(obj),
            "waits": waiting_tools(obj.id).exists() and not obj.retired,
            "may_review": actor.may(Right.EDIT_POLICY),
            "may_kill": actor.may(Right.RAISE_KILL),
            "may_edit": actor.may(Right.EDIT_POLICY) or actor.may(Right.PROPOSE),
        }


def granted_on(server: Server) -> Some[Grant]:
    """The grants that speak of it, each with what it `says`."""
    url = f"{reverse('admin:grants_grant_changelist')}?{urlencode({'on': server.id})}"
    found = some(grants_on(server).select_related("principal", "group"), url)
    for grant in found.rows:
        grant.says = sentence(grant)  # type: ignore[attr-defined]
    return found


def _of(server: Server) -> Standing:
    found: Standing = server.standing  # type: ignore[attr-defined]
    return found
