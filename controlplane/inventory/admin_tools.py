"""Tools: what each can do, how risky it is, whether somebody reviewed it, and who may call it."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.admin import badge
from controlplane.common.unseen import shortened
from controlplane.grants.effective import reach_of_tool
from controlplane.grants.reach import grants_on_tool
from controlplane.inventory.admin_badges import RISK_TONES, STATE_TONES, trust_badge
from controlplane.inventory.admin_review import ReviewPages
from controlplane.inventory.admin_tool_form import ToolForm
from controlplane.inventory.definition import proposed, reading, takes
from controlplane.inventory.models import RISK_NAMES, Tool, ToolState
from controlplane.inventory.standing import raised_switches, switches_on_tool
from controlplane.policy.admin_item import ItemAdmin
from controlplane.policy.declarative.outcome import Applied
from enforcer.contract.strict_json import JsonObject

RANK = Case(*(When(risk=name, then=Value(rank)) for rank, name in enumerate(RISK_NAMES)), default=Value(-1))


class ServerFilter(admin.SimpleListFilter):
    """Shown where a link asked for the tools of a server."""

    title = "server"
    parameter_name = "server"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        id_ = request.GET.get("server", "")
        return [(id_, id_)] if id_ else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tool]) -> QuerySet[Tool]:
        return queryset.filter(server_id=self.value()) if self.value() else queryset


class OriginFilter(admin.SimpleListFilter):
    """Whether somebody declared it."""

    title = "origin"
    parameter_name = "origin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("declared", "declared"), ("discovered", "discovered")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tool]) -> QuerySet[Tool]:
        return queryset.filter(declared=self.value() == "declared") if self.value() else queryset


@admin.register(Tool)
class ToolAdmin(ReviewPages, ItemAdmin[Tool]):
    """Declare, review, quarantine. What a server has and nobody declared is never deleted."""

    section = "tools"
    form = ToolForm
    asks = ("why", "path_how", "url_how")
    list_display = ("shown_name", "server_link", "trust", "shown_risk", "shown_state", "origin")
    list_filter = ("state", "risk", OriginFilter, "server__trust_level", ServerFilter)
    list_select_related = ("server",)
    search_fields = ("name", "server__id")
    search_help_text = "Name or server; server/name for one server's."
    autocomplete_fields = ("server",)
    ordering = ("server", "name")
    fieldsets = (
        (None, {"fields": ("server", "name", "risk", "input_schema")}),
        ("Paths and URLs", {"fields": ("path_how", "path_arguments", "url_how", "url_arguments")}),
        ("Why", {"fields": ("why",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tool]:
        return super().get_queryset(request).filter(server__retired=False)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Tool], search_term: str
    ) -> tuple[QuerySet[Tool], bool]:
        server, slash, name = search_term.strip().partition("/")
        if slash:
            return queryset.filter(server_id=server, name__icontains=name), False
        return super().get_search_results(request, queryset, search_term)

    def has_delete_permission(self, request: HttpRequest, obj: Tool | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.declared)

    @admin.display(description="tool", ordering="name")
    def shown_name(self, tool: Tool) -> str:
        return shortened(tool.name, 80)

    @admin.display(description="server", ordering="server")
    def server_link(self, tool: Tool) -> str:
        return tool.server_id

    @admin.display(description="trust", ordering="server__trust_level")
    def trust(self, tool: Tool) -> str:
        return trust_badge(tool.server.trust_level_id)

    @admin.display(description="risk", ordering=RANK)
    def shown_risk(self, tool: Tool) -> str:
        return badge(tool.risk, RISK_TONES[tool.risk])

    @admin.display(description="state", ordering="state")
    def shown_state(self, tool: Tool) -> str:
        return badge(tool.state, STATE_TONES[tool.state])

    @admin.display(description="origin", ordering="declared")
    def origin(self, tool: Tool) -> str:
        return "declared" if tool.declared else "discovered"

    def key_item(self, obj: Tool) -> JsonObject:
        return {"server": obj.server_id, "name": obj.name}

    def row_of(self, item: JsonObject, applied: Applied) -> Tool:
        return Tool.objects.get(server_id=str(item["server"]), name=str(item["name"]))

    def facts(self, request: HttpRequest, obj: Tool) -> dict[str, Any]:
        actor = actor_of_request(request)
        return {
            "reading": reading(obj),
            "takes": takes(obj),
            "switches": switches_on_tool(obj, raised_switches()),
            "proposed": proposed(obj),
            "tones": (STATE_TONES[obj.state], RISK_TONES[obj.risk]),
            "granted": grants_on_tool(obj),
            "access": reach_of_tool(obj),
            "may_review": actor.may(Right.EDIT_POLICY),
            "may_kill": actor.may(Right.RAISE_KILL),
            "may_edit": self.has_change_permission(request),
            "held": obj.state != ToolState.REVIEWED,
        }
