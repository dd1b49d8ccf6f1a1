"""Applying a policy file: one transaction, one admin receipt, one change to wait for; or nothing at all."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Max

from controlplane.common.edits import editing
from controlplane.common.errors import InvalidState
from controlplane.incidents.services import raise_kill
from controlplane.inventory.models import Server
from controlplane.policy.compile import compile_snapshot
from controlplane.policy.declarative.current import current_policy, held_tools
from controlplane.policy.declarative.diff import Change, diff, left_alone
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.file import read_policy
from controlplane.policy.declarative.policy import KillSpec, Policy, overlaid
from controlplane.policy.declarative.problems import Problem
from controlplane.policy.declarative.reach import touched
from controlplane.policy.declarative.write import write
from controlplane.policy.models import ChangedServer
from controlplane.policy.services import policy_changed
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.strict_json import JsonObject, JsonValue

RECORDED_LINES = 1000


@dataclass(frozen=True, slots=True)
class Applied:
    """With problems nothing was written. `change_ids` are what to wait for."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    changes: tuple[Change, ...] = ()
    left_alone: str = ""
    change_ids: tuple[int, ...] = ()


class _NothingWritten(Exception):  # noqa: N818 - carries the answer out of the transaction that it rolls back
    def __init__(self, answer: Applied) -> None:
        self.answer = answer


def apply_policy(
    *, value: JsonValue, source: str, actor: str, now: datetime, prune: bool = False, dry_run: bool = False
) -> Applied:
    """Check what was read from `source`, write the difference and leave a receipt."""
    try:
        with editing():
            current = current_policy()
            draft = read_policy(value, _base(current) if prune else current, held=held_tools(), now=now)
            planned = _plan(current, draft, prune=prune)
            if dry_run or planned.problems:
                raise _NothingWritten(planned)
            if not planned.changes:
                raise _NothingWritten(replace(planned, change_ids=_newest_changes()))
            servers = touched(planned.changes, current, overlaid(current, draft.said))
            return replace(planned, change_ids=_write(planned.changes, servers, source, actor, now))
    except _NothingWritten as nothing:
        return nothing.answer


def _plan(current: Policy, draft: Draft, *, prune: bool) -> Applied:
    if draft.problems:
        return Applied(problems=tuple(draft.problems))
    return Applied(
        warnings=tuple(draft.warnings),
        changes=diff(current, draft.said, prune=prune),
        left_alone="" if prune else left_alone(current, draft.said),
    )


def _newest_changes() -> tuple[int, ...]:
    """Where a file changes nothing, what it says may still wait for the publisher or for enforcers."""
    parts = ChangedServer.objects.order_by().values("server_id", "change__kind").annotate(newest=Max("change_id"))
    return tuple(sorted(set(parts.values_list("newest", flat=True))))


def _base(current: Policy) -> Policy:
    """What a pruning file may refer to without naming it."""
    return Policy(trust_levels=current.trust_levels, discovered=current.discovered, kill_switches=current.kill_switches)


def _write(changes: tuple[Change, ...], servers: set[str], source: str, actor: str, now: datetime) -> tuple[int, ...]:
    for change in changes:
        write(change)
    _refuse_unloadable(servers, now)
    record_admin_receipt(actor=actor, action="policy.apply", detail=_detail(source, changes))
    edited = [policy_changed(server_ids=servers, actor=actor, reason=f"apply {source}")] if servers else []
    switches = [change.after for change in changes if isinstance(change.after, KillSpec)]
    raised = [raise_kill(target=s.target, reason=s.reason, actor=actor).change_id for s in switches]
    return (*(change_id for change_id in raised if change_id is not None), *edited)


def _refuse_unloadable(server_ids: Iterable[str], now: datetime) -> None:
    for server in Server.objects.filter(id__in=server_ids).order_by("id"):
        try:
            compile_snapshot(server, version=1, generation=1, now=now, token_keys=())
        except InvalidState as refused:
            problem = Problem((), str(refused), "a policy that the enforcer can load")
            raise _NothingWritten(Applied(problems=(problem,))) from None


def _detail(source: str, changes: tuple[Change, ...]) -> JsonObject:
    lines: list[JsonValue] = [change.line() for change in changes[:RECORDED_LINES]]
    return {"source": source, "change_count": len(changes), "changes": lines}
