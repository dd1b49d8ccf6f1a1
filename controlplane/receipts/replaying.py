"""A receipt replayed: the same policy, the facts that it keeps, and whether the same decision comes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from controlplane.policy.history.reading import payload_bytes
from controlplane.policy.history.reading import verdict as signature_of
from controlplane.policy.models import Kind, SignedDocument
from controlplane.receipts.models import Receipt
from controlplane.receipts.reading import content
from enforcer.contract.documents import DocumentError, read
from enforcer.contract.incident import Incident, read_incident
from enforcer.contract.snapshot import Snapshot
from enforcer.policy.decision import Decision
from enforcer.policy.index import Index, IndexProblem, outline
from enforcer.policy.recorded import NotRecorded
from enforcer.policy.replay import Question, question, replay
from enforcer.policy.steps import Step, steps

Outcome = Literal["same", "behind", "other", "unknown"]
OUTCOMES: tuple[Outcome, ...] = ("same", "behind", "other", "unknown")
SAYS: dict[Outcome, str] = {
    "same": "The same decision comes of the same policy and facts.",
    "behind": "Policy allowed it, as the receipt's facts say; it was refused or stopped after the decision.",
    "other": "Another decision comes of that policy and these facts: the receipt or the policy is not what it was.",
    "unknown": "There is nothing to replay",
}


@dataclass(frozen=True, slots=True)
class Replayed:
    """`says` is a sentence. `documents`: what was asked, with whether their signatures hold now."""

    outcome: Outcome
    says: str
    decision: Decision | None = None
    steps: Sequence[Step] = ()
    documents: Sequence[tuple[SignedDocument, str]] = ()


def replayed(receipt: Receipt) -> Replayed:
    """By what is stored; a question to the database for each document."""
    line = content(receipt)
    try:
        asked = question(line)
    except NotRecorded as problem:
        return Replayed("unknown", f"{SAYS['unknown']}: {problem}.")
    snapshot_row = _document(Kind.POLICY, asked.call.server_id, asked.snapshot_version)
    incident_row = _document(Kind.INCIDENT, asked.call.server_id, asked.incident_epoch)
    if snapshot_row is None or incident_row is None:
        return Replayed("unknown", f"{SAYS['unknown']}: the policy that it names is not here any more.")
    documents = [(row, signature_of(row).says) for row in (snapshot_row, incident_row)]
    try:
        index = outline(read(payload_bytes(snapshot_row), Snapshot))
        incident: Incident = read_incident(payload_bytes(incident_row))
    except DocumentError as problem:
        return Replayed("unknown", f"{SAYS['unknown']}: its policy can't be read, {problem}.", documents=documents)
    if isinstance(index, IndexProblem):
        return Replayed("unknown", f"{SAYS['unknown']}: no gate would load its policy.", documents=documents)
    again = replay(line, asked, index, incident)
    way = _steps(asked, again.decision, index)
    return Replayed(again.verdict, SAYS[again.verdict], again.decision, way, documents)


def _document(kind: Kind, server_id: str, number: int) -> SignedDocument | None:
    return SignedDocument.objects.filter(kind=kind, server_id=server_id, number=number).first()


def _steps(asked: Question, decision: Decision, index: Index) -> Sequence[Step]:
    """Of a call of a tool that was known; a list has none."""
    if asked.tool is None or asked.tool not in index.tools:
        return ()
    return steps(index, asked.call, asked.facts, decision, asked.now)
