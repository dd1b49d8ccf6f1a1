"""Switches that are to be raised at a time to come: the publisher raises them, with a receipt under the planner's name.

What is planned stops nothing yet. A plan whose time came while nothing ran is raised late, or not at all where its end
is over too: it says so.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState
from controlplane.common.services import service
from controlplane.incidents.models import PlannedKill
from controlplane.incidents.services import check_target, raise_kill
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text

FURTHEST = timedelta(days=366)


@service(Right.RAISE_KILL)
def plan_kill(
    *,
    target: str,
    starts_at: datetime,
    reason: str,
    actor: Actor,
    message: str = "",
    expires_at: datetime | None = None,
) -> PlannedKill:
    """Raise it then; raises `InvalidState` as `raise_kill`, and for times that don't follow each other."""
    check_target(target, message)
    now = timezone.now()
    if not now < starts_at <= now + FURTHEST:
        raise InvalidState("starts_at", f"is not within the next {FURTHEST.days} days; write a time to come")
    if expires_at is not None and expires_at <= starts_at:
        raise InvalidState("expires_at", "is not after it starts; leave it out, or write a later time")
    plan = PlannedKill.objects.create(
        target=target, reason=reason, message=message, starts_at=starts_at, expires_at=expires_at, planned_by=actor.name
    )
    detail: JsonObject = {**_said(plan), "starts_at": to_text(starts_at.timestamp()), "reason": reason}
    if expires_at is not None:
        detail["expires_at"] = to_text(expires_at.timestamp())
    record_admin_receipt(actor=actor.name, action="kill.plan", detail=detail)
    return plan


@service(Right.LOWER_KILL)
def cancel_plan(*, plan_id: int, reason: str, actor: Actor) -> bool:
    """Whether it was still to come; raises `InvalidState` for a plan that doesn't exist."""
    plan = PlannedKill.objects.select_for_update().filter(pk=plan_id).first()
    if plan is None:
        raise InvalidState("plan", f"there is no plan {plan_id}")
    if plan.ended_at is not None:
        return False
    _end(plan, f"cancelled by {actor.name}: {reason}")
    record_admin_receipt(actor=actor.name, action="kill.cancel_plan", detail={**_said(plan), "reason": reason})
    return True


def raise_planned() -> int:
    """What is due; how many were raised. By the publisher, each second."""
    due = PlannedKill.objects.filter(ended_at__isnull=True, starts_at__lte=timezone.now()).order_by("starts_at", "id")
    plans = list(due.values_list("id", "planned_by"))
    return sum(_raise(plan_id=plan_id, actor=Actor(by, frozenset({Right.RAISE_KILL}))) for plan_id, by in plans)


@service(Right.RAISE_KILL)
def _raise(*, plan_id: int, actor: Actor) -> bool:
    plan = PlannedKill.objects.select_for_update().get(pk=plan_id)
    if plan.ended_at is not None:
        return False
    if plan.expires_at is not None and plan.expires_at <= timezone.now():
        _end(plan, "not raised: nothing ran until its end was over")
        record_admin_receipt(actor=actor.name, action="kill.plan_missed", detail=_said(plan))
        return False
    try:
        done = raise_kill(
            target=plan.target,
            reason=f"{plan.reason} (planned at {plan.planned_at:%Y-%m-%d %H:%M} UTC)",
            message=plan.message,
            expires_at=plan.expires_at,
            actor=actor,
        )
    except InvalidState as problem:  # its server is gone
        _end(plan, f"not raised: {problem.message}"[:500])
        record_admin_receipt(actor=actor.name, action="kill.plan_missed", detail=_said(plan))
        return False
    plan.switch = done.switch
    _end(plan, "raised")
    return True


def _end(plan: PlannedKill, outcome: str) -> None:
    plan.ended_at, plan.outcome = timezone.now(), outcome[:500]
    plan.save(update_fields=["ended_at", "outcome", "switch"])


def _said(plan: PlannedKill) -> JsonObject:
    return {"target": plan.target, "plan_id": f"plan-{plan.pk}"}
