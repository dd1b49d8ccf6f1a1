"""Applying a policy file: one transaction, one admin receipt, one change to wait for; or nothing at all."""

from dataclasses import replace
from datetime import datetime

from django.db.models import Max

from controlplane.common.actor import Actor, Right
from controlplane.common.services import service
from controlplane.policy.declarative.current import current_policy, held_tools
from controlplane.policy.declarative.diff import diff, left_alone
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.file import read_policy
from controlplane.policy.declarative.outcome import Applied, NothingWritten
from controlplane.policy.declarative.policy import Policy, overlaid
from controlplane.policy.declarative.reach import touched
from controlplane.policy.declarative.write import Act, try_changes, write_changes
from controlplane.policy.models import ChangedServer
from enforcer.contract.strict_json import JsonValue


def apply_policy(
    *, value: JsonValue, source: str, actor: Actor, now: datetime, prune: bool = False, dry_run: bool = False
) -> Applied:
    """Check what was read from `source`, write the difference and leave a receipt."""
    try:
        return _apply(value=value, source=source, actor=actor, now=now, prune=prune, dry_run=dry_run)
    except NothingWritten as nothing:
        return nothing.answer


@service(Right.VIEW)  # what else is needed depends on what the file changes: `write_changes` asks
def _apply(*, value: JsonValue, source: str, actor: Actor, now: datetime, prune: bool, dry_run: bool) -> Applied:
    current = current_policy()
    draft = read_policy(value, current, held=held_tools(), now=now, prune=prune)
    planned = _plan(current, draft, prune=prune)
    if planned.problems or (dry_run and not planned.changes):
        raise NothingWritten(planned)
    if not planned.changes:
        raise NothingWritten(replace(planned, change_ids=_newest_changes()))
    servers = touched(planned.changes, current, overlaid(current, draft.said))
    if dry_run:
        raise NothingWritten(replace(planned, access=try_changes(planned.changes, servers, now)))
    act = Act("policy.apply", f"apply {source}", {"source": source})
    written = write_changes(planned.changes, servers, act=act, actor=actor, now=now)
    return replace(planned, change_ids=written.change_ids, access=written.access)


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
