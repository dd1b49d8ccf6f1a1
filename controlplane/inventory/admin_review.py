"""Pages that approve tools, quarantine them, and end a quarantine: what it comes to is shown first."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.http import urlencode

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.acts import Act, BecauseForm, Done, act_page
from controlplane.common.admin_pages import own_page
from controlplane.common.numbers import as_read
from controlplane.common.unseen import shortened
from controlplane.grants.reach import grants_on_tool
from controlplane.inventory.admin_badges import RISK_TONES, STATE_TONES
from controlplane.inventory.definition import (
    Proposed,
    Reading,
    approved_definition,
    fetch_definitions,
    mark,
    proposed,
    reading,
    schema_to_approve,
    seen_definition,
    takes,
)
from controlplane.inventory.definition_diff import Changes, changes
from controlplane.inventory.definition_text import remarks, texts_of
from controlplane.inventory.models import RISKS, Tool, ToolState
from controlplane.inventory.review import Reviewed, end_tool_quarantine, quarantine_tool, review_tools, waiting_tools
from controlplane.inventory.review_queue import queue_of
from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.targets import ID

AT_ONCE = 50
OPEN = 5  # with more tools on one page their schemas are folded
LONGEST_SCHEMA = 20_000
QUARANTINED = (
    "Every call of it is refused until somebody ends the quarantine; apply never ends it.",
    "It disappears from every list of tools. A call that is under way ends as it would: a kill switch stops that too.",
)
ENDED = ("It is not called at once: it waits for a review, and is approved like any other tool.",)


class ReviewForm(BecauseForm):
    """`seen` is the mark of what the page showed; each tool's risk is the reviewer's to set."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=80)

    def __init__(self, *args: Any, shown: Sequence["Shown"], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False
        for row in shown:
            if row.tool.state != ToolState.REVIEWED:
                self.fields[_risk_field(row.tool)] = forms.ChoiceField(
                    label=f"Risk of {shortened(row.tool.name, 80)}",
                    choices=RISKS,
                    initial=row.tool.risk,
                    required=False,
                    help_text=f"Proposed is {row.proposed.risk}: {row.proposed.why}.",
                )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])


@dataclass(frozen=True, slots=True)
class Shown:
    """A tool as the reviewer has it before them."""

    tool: Tool
    proposed: Proposed
    reading: Reading
    takes: Sequence[str]
    schema: str
    tones: tuple[str, str]
    pinned_later: bool
    texts: Sequence[tuple[str, str]]
    changes: Changes | None
    remarks: Sequence[str]


def shown(tool: Tool, names: Sequence[str] = ()) -> Shown:
    """Everything that the mark covers is on the page. `names`: all tools of its server."""
    definition, approved = seen_definition(tool), approved_definition(tool)
    return Shown(
        tool=tool,
        proposed=proposed(tool),
        reading=reading(tool),
        takes=takes(tool),
        schema=shortened(json.dumps(schema_to_approve(tool), indent=2, ensure_ascii=False), LONGEST_SCHEMA),
        tones=(STATE_TONES[tool.state], RISK_TONES[tool.risk]),
        pinned_later=not tool.seen and (not tool.pin or tool.state == ToolState.CHANGED),
        texts=tuple(texts_of(definition or {})),
        changes=changes(approved or _declared(tool), definition) if definition and _differs(tool) else None,
        remarks=tuple(remarks(tool, definition or {"name": tool.name}, names)),
    )


def _differs(tool: Tool) -> bool:
    return tool.state == ToolState.CHANGED and tool.pin != tool.seen


def _declared(tool: Tool) -> JsonObject:
    """Of a tool that was never pinned nobody approved more than this."""
    return {"name": tool.name, "inputSchema": as_read(tool.input_schema)}


def _risk_field(tool: Tool) -> str:
    return f"risk_{tool.pk}"


class ReviewPages(ModelAdmin[Tool]):
    """What `ToolAdmin` has beside list and form."""

    actions = ("review_selected",)

    def has_review_permission(self, request: HttpRequest) -> bool:
        """Who may approve."""
        return actor_of_request(request).may(Right.EDIT_POLICY)

    @admin.action(description="Review the selected tools", permissions=["review"])
    def review_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        chosen = urlencode([("tool", pk) for pk in queryset.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]])
        return HttpResponseRedirect(f"{reverse('admin:inventory_tool_review')}?{chosen}")

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("review/", wrap(self.review_view), name="inventory_tool_review"),
            path("reviews/", wrap(self.reviews_view), name="inventory_tool_reviews"),
            path("<int:pk>/quarantine/", wrap(self.quarantine_view), name="inventory_tool_quarantine"),
            path("<int:pk>/end-quarantine/", wrap(self.end_view), name="inventory_tool_end_quarantine"),
            *super().get_urls(),
        ]

    def review_view(self, request: HttpRequest) -> HttpResponse:
        """Approve those that the query names: `server=ID`, what waits there, or `tool=PK` once or often."""
        tools, more, back = _asked_for(request)
        fetch_definitions(tools)
        names = list(Tool.objects.filter(server__in={tool.server_id for tool in tools}).values_list("server", "name"))
        rows = [shown(tool, [name for server, name in names if server == tool.server_id]) for tool in tools]
        count = len(tools)
        act = Act(
            title=f"Review {tools[0]}" if count == 1 else f"Review {count} tools",
            button="Approve it" if count == 1 else f"Approve these {count}",
            right=Right.EDIT_POLICY,
            perform=partial(_review, request, tools),
            back=back,
            form=partial(ReviewForm, shown=rows),
            initial={"seen": mark(tools)},
            template="admin/inventory/tool/review.html",
            context={"shown": rows, "more": more, "many": count > OPEN},
        )
        return act_page(request, self, act)

    def reviews_view(self, request: HttpRequest) -> HttpResponse:
        """What waits everywhere, by server."""
        if not actor_of_request(request).may(Right.VIEW):
            raise PermissionDenied
        queue = queue_of(_server_of(request))
        template = "admin/inventory/tool/reviews.html"
        return own_page(request, self, template, title="Reviews", queue=queue, may=self.has_review_permission(request))

    def quarantine_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Hold one tool."""
        tool = _tool(pk)
        act = Act(
            title=f"Quarantine {tool}",
            button="Quarantine it",
            right=Right.EDIT_POLICY,
            perform=partial(_quarantine, request, tool),
            back=_page(tool),
            effect=(_spoken_of(tool), *QUARANTINED),
            tone="danger",
        )
        return act_page(request, self, act)

    def end_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let it wait for a review."""
        tool = _tool(pk)
        act = Act(
            title=f"End the quarantine of {tool}",
            button="End the quarantine",
            right=Right.EDIT_POLICY,
            perform=partial(_end, request, tool),
            back=_page(tool),
            effect=ENDED,
        )
        return act_page(request, self, act)


def _review(request: HttpRequest, tools: Sequence[Tool], given: dict[str, Any]) -> Done:
    keys = [(tool.server_id, tool.name) for tool in tools]
    actor = actor_of_request(request)
    chosen = {(tool.server_id, tool.name): given.get(_risk_field(tool)) for tool in tools}
    risks = {key: Risk(risk) for key, risk in chosen.items() if risk}
    done = review_tools(keys=keys, seen=given["seen"], actor=actor, reason=given["reason"], risks=risks)
    said = f"Approved {_named(done)}" if done.tools else "They were approved already"
    return Done(said, [done.change_id])


def _quarantine(request: HttpRequest, tool: Tool, given: dict[str, Any]) -> Done:
    actor, reason = actor_of_request(request), given["reason"]
    done = quarantine_tool(server_id=tool.server_id, name=tool.name, actor=actor, reason=reason)
    return Done(f"Quarantined {_named(done)}" if done.tools else "It was quarantined already", [done.change_id])


def _end(request: HttpRequest, tool: Tool, given: dict[str, Any]) -> Done:
    actor, reason = actor_of_request(request), given["reason"]
    done = end_tool_quarantine(server_id=tool.server_id, name=tool.name, actor=actor, reason=reason)
    return Done("The quarantine has ended; it waits for a review" if done.tools else "It was not quarantined",
                [done.change_id])  # fmt: skip


def _named(done: Reviewed) -> str:
    return shortened("/".join(done.tools[0]), 200) if len(done.tools) == 1 else f"{len(done.tools)} tools"


def _asked_for(request: HttpRequest) -> tuple[list[Tool], int, str]:
    """The tools, how many more wait on that server, and where to go back to. Raises 404 where nothing waits."""
    server_id = _server_of(request)
    back = f"{reverse('admin:inventory_tool_changelist')}?{urlencode({'server': server_id} if server_id else {})}"
    if server_id:
        waiting = waiting_tools(server_id)
        tools, more = list(waiting[:AT_ONCE]), max(waiting.count() - AT_ONCE, 0)
    else:
        numbers = [int(pk) for pk in request.GET.getlist("tool")[:AT_ONCE] if pk.isascii() and pk.isdigit()]
        rows = Tool.objects.filter(pk__in=[number for number in numbers if number < 2**63], server__retired=False)
        tools, more = list(rows.select_related("server__trust_level").order_by("server", "name")), 0
    if not tools:
        raise Http404("nothing of that waits for a review")
    return tools, more, _page(tools[0]) if len(tools) == 1 else back


def _server_of(request: HttpRequest) -> str:
    """The id that the query names; nothing for what can be no id, which PostgreSQL might not even take."""
    named = request.GET.get("server", "")
    if named and not ID.fullmatch(named):
        raise Http404("there is no such server")
    return named


def _tool(pk: int) -> Tool:
    tool = Tool.objects.filter(pk=pk, server__retired=False).select_related("server").first()
    if tool is None:
        raise Http404
    return tool


def _page(tool: Tool) -> str:
    return reverse("admin:inventory_tool_change", args=[tool.pk])


def _spoken_of(tool: Tool) -> str:
    found = grants_on_tool(tool)
    count = len(found.rows) + found.more
    return f"{count} grant{'s' * (count != 1)} speak{'s' * (count == 1)} of it today."
