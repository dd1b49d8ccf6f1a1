"""Edits that one person proposes and another approves. An approved one is made as the approver's own edit."""

from django.utils import timezone

from controlplane.accounts.people import people_behind
from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState, NotAllowed
from controlplane.common.services import service
from controlplane.policy import edits
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.declarative.problems import key_of
from controlplane.policy.models import Proposal
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.strict_json import JsonObject


@service(Right.PROPOSE)
def propose(*, section: str, item: JsonObject, removal: bool = False, actor: Actor, reason: str = "") -> Proposal:
    """Note it, once it would be accepted as it is; raises `InvalidState` where it would not, or changes nothing."""
    act = edits.remove if removal else edits.save
    planned = act(section=section, item=item, actor=actor, dry_run=True)
    if planned.problems:
        first = planned.problems[0]
        raise InvalidState(key_of(first.path), f"{first.what}; {first.right}")
    if not planned.changes:
        raise InvalidState("nothing_changes", "that is how it is already")
    row = Proposal.objects.create(
        section=section,
        item=item,
        removal=removal,
        summary="\n".join(change.line() for change in planned.changes),
        reason=reason,
        proposed_by=actor.name,
    )
    _record(row, "proposal.open", actor)
    return row


@service(Right.EDIT_POLICY)
def approve(*, proposal_id: int, actor: Actor, note: str = "") -> Applied:
    """Make the edit. What has changed since may stand in its way: then it stays open and the problems come back."""
    row = _open(proposal_id)
    if people_behind(row.proposed_by) & people_behind(actor.name):
        raise NotAllowed("second_person", "somebody else has to approve what you proposed")
    act = edits.remove if row.removal else edits.save
    applied = act(section=row.section, item=row.item, actor=actor, reason=row.reason)
    if applied.problems:
        return applied
    _decide(row, actor, approved=True, note=note)
    return applied


@service(Right.VIEW)
def reject(*, proposal_id: int, actor: Actor, note: str = "") -> None:
    """By an owner, or by whoever proposed it."""
    row = _open(proposal_id)
    if row.proposed_by != actor.name:
        actor.require(Right.EDIT_POLICY)
    _decide(row, actor, approved=False, note=note)


def _open(proposal_id: int) -> Proposal:
    row = Proposal.objects.select_for_update().filter(id=proposal_id, decided_at__isnull=True).first()
    if row is None:
        raise InvalidState("not_open", "there is no such proposal, or it has been decided")
    return row


def _decide(row: Proposal, actor: Actor, *, approved: bool, note: str) -> None:
    row.approved, row.decided_by, row.decided_at, row.note = approved, actor.name, timezone.now(), note
    row.save(update_fields=["approved", "decided_by", "decided_at", "note"])
    _record(row, "proposal.approve" if approved else "proposal.reject", actor)


def _record(row: Proposal, action: str, actor: Actor) -> None:
    detail: JsonObject = {"proposal": row.pk, "section": row.section, "summary": row.summary, "note": row.note}
    record_admin_receipt(actor=actor.name, action=action, detail=detail)
