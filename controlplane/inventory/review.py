"""Reviews: only what somebody approved can be called. Each act publishes, leaves a receipt, and stands in the history.

Whoever approves says what they saw (`definition.mark`); where it is no longer that, nothing is approved. A tool that
was never seen whole has no pin, and an old pin is of what it was before it changed: approved, such a tool counts as
declared in what its row says, and the first live definition that fits it is pinned.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState
from controlplane.common.services import service
from controlplane.inventory.definition import fetch_definitions, mark, reading, schema_to_approve
from controlplane.inventory.definition_text import has_unseen
from controlplane.inventory.models import NEVER_APPROVED, Server, Tool, ToolState
from controlplane.policy.compile import check_size, compile_snapshot
from controlplane.policy.services import policy_changed
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject, JsonValue

ToolKey = tuple[str, str]
RECORDED = 1000
MOST = 1000  # in one act


@dataclass(frozen=True, slots=True)
class Reviewed:
    """`change_id` is None where nothing had to change."""

    tools: tuple[ToolKey, ...]
    change_id: int | None


@service(Right.EDIT_POLICY)
def review_tools(
    *, keys: Iterable[ToolKey], seen: str, actor: Actor, reason: str = "", risks: Mapping[ToolKey, Risk] | None = None
) -> Reviewed:
    """Approve these, all or none, at the risks that the reviewer gives them.

    Raises `InvalidState` where they are no longer what was `seen`, can't be used, or are too much for one snapshot.
    """
    tools = _tools(keys)
    fetch_definitions(tools)
    if mark(tools) != seen:
        raise InvalidState("changed_since", "somebody or something changed these since you looked; look again")
    waiting = [tool for tool in tools if tool.state != ToolState.REVIEWED]
    for tool in waiting:
        _approve(tool, (risks or {}).get((tool.server_id, tool.name)))
    _refuse_unloadable({tool.server_id for tool in waiting})
    return _done("tool.review", waiting, actor, reason)


@service(Right.EDIT_POLICY)
def review_tool(*, server_id: str, name: str, seen: str, actor: Actor, reason: str = "") -> Reviewed:
    """Approve one; a quarantine ends by it."""
    return review_tools(keys=[(server_id, name)], seen=seen, actor=actor, reason=reason)


@service(Right.EDIT_POLICY)
def quarantine_tool(*, server_id: str, name: str, actor: Actor, reason: str = "") -> Reviewed:
    """Nobody calls it until somebody ends that."""
    tools = [tool for tool in _tools([(server_id, name)]) if tool.state != ToolState.QUARANTINED]
    return _set_state(tools, ToolState.QUARANTINED, "tool.quarantine", actor, reason)


@service(Right.EDIT_POLICY)
def end_tool_quarantine(*, server_id: str, name: str, actor: Actor, reason: str = "") -> Reviewed:
    """It is not called at once: it waits for a review."""
    tools = [tool for tool in _tools([(server_id, name)]) if tool.state == ToolState.QUARANTINED]
    return _set_state(tools, ToolState.UNREVIEWED, "tool.end_quarantine", actor, reason)


def waiting_tools(server_id: str = "") -> QuerySet[Tool]:
    """What waits for a review there, or anywhere, in the order of names.

    A quarantine is somebody's decision and waits for none; what vanished before anybody looked has gone.
    """
    rows = Tool.objects.filter(state__in=(ToolState.UNREVIEWED, ToolState.CHANGED), server__retired=False)
    rows = rows.exclude(NEVER_APPROVED & Q(vanished_at__isnull=False))
    if server_id:
        rows = rows.filter(server_id=server_id)
    return rows.select_related("server__trust_level").order_by("server_id", "name")


def _tools(keys: Iterable[ToolKey]) -> list[Tool]:
    wanted = sorted(set(keys))
    if len(wanted) > MOST:
        raise InvalidState("too_many", f"{len(wanted)} tools are too many for one act; {MOST} are allowed")
    found = {(tool.server_id, tool.name): tool for tool in _rows(wanted)}
    missing = [key for key in wanted if key not in found]
    if missing:
        raise InvalidState("not_there", f"there is no tool {'/'.join(missing[0])!r}")
    return [found[key] for key in wanted]


def _rows(keys: Iterable[ToolKey]) -> Iterable[Tool]:
    names: dict[str, list[str]] = {}
    for server_id, name in keys:
        names.setdefault(server_id, []).append(name)
    for server_id, wanted in names.items():
        rows = Tool.objects.filter(server_id=server_id, server__retired=False, name__in=wanted)
        yield from rows.select_related("server__trust_level")


def _approve(tool: Tool, risk: Risk | None) -> None:
    if has_unseen(tool.name):
        raise InvalidState("name", f"{tool.name!a} can't be approved, its name has characters that can't be seen")
    problem, schema = reading(tool).problem, schema_to_approve(tool)
    if problem or isinstance(schema, str):
        raise InvalidState("schema", f"{tool} can't be approved, no gate could check its arguments: {problem}")
    if tool.seen:
        tool.pin, tool.input_schema = tool.seen, schema
    elif tool.state == ToolState.CHANGED:
        tool.pin = ""
    tool.declared = tool.declared or not tool.pin
    tool.state, tool.risk = ToolState.REVIEWED, risk.value if risk else tool.risk
    tool.save()


def _refuse_unloadable(server_ids: Iterable[str]) -> None:
    for server in Server.objects.filter(id__in=server_ids).select_related("trust_level"):
        check_size(compile_snapshot(server, version=1, generation=1, now=timezone.now(), token_keys=()))


def _set_state(tools: list[Tool], state: ToolState, action: str, actor: Actor, reason: str) -> Reviewed:
    for tool in tools:
        tool.state = state
        tool.save()
    return _done(action, tools, actor, reason)


def _done(action: str, tools: list[Tool], actor: Actor, reason: str) -> Reviewed:
    keys = tuple((tool.server_id, tool.name) for tool in tools)
    if not tools:
        return Reviewed(keys, None)
    named: list[JsonValue] = ["/".join(key) for key in keys[:RECORDED]]
    detail: JsonObject = {"tools": named, "tool_count": len(keys), "reason": reason}
    record_admin_receipt(actor=actor.name, action=action, detail=detail)
    return Reviewed(keys, policy_changed(server_ids={key[0] for key in keys}, actor=actor, reason=reason))
