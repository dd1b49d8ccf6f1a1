"""From one published snapshot to another: who can newly call what, and who no longer can, as of now."""

from dataclasses import dataclass
from datetime import datetime

from controlplane.policy.declarative.access import GRANTS, TOOLS, lines, nothing_stopped
from controlplane.policy.history.reading import payload_bytes
from controlplane.policy.models import SignedDocument
from enforcer.contract.documents import DocumentError, read
from enforcer.contract.snapshot import Snapshot
from enforcer.policy.effective import Difference, difference
from enforcer.policy.index import Index, outline


@dataclass(frozen=True, slots=True)
class Between:
    """`problem` says why there is no difference, or not the whole of it."""

    difference: Difference
    problem: str = ""

    def lines(self, server_id: str) -> tuple[str, ...]:
        """As `apply` says it; what could not be worked out stands last."""
        found = lines(server_id, self.difference)
        return (*found, self.problem) if self.problem else (*found,)


def access_between(old: SignedDocument | None, new: SignedDocument, now: datetime) -> Between:
    """Of one server; without an `old` one nobody could call anything. Kill switches are not in a snapshot."""
    sides: list[Index | None] = []
    for document in (old, new):
        made = None if document is None else _outline(document)
        if isinstance(made, str):
            return Between(Difference((), (), whole=False), made)
        sides.append(made)
    found = difference(sides[0], sides[1], nothing_stopped(new.server_id, now), now.timestamp())
    return Between(found, "" if found.whole else "not every pair was looked through: there are too many")


def _outline(document: SignedDocument) -> Index | str:
    try:
        snapshot = read(payload_bytes(document), Snapshot)
    except DocumentError:
        return f"version {document.number} can't be read"
    if len(snapshot.tools) > TOOLS or len(snapshot.grants) > GRANTS:
        holds = f"{len(snapshot.tools)} tools, {len(snapshot.grants)} grants"
        return f"version {document.number} is too large for this: {holds}"
    made = outline(snapshot)
    return made if isinstance(made, Index) else f"version {document.number} can't be loaded: {made.detail}"
