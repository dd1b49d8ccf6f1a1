"""What archives took, read from the index: links that hold chains and checkpoints together where no line is left."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from controlplane.receipts.models import Archive, Archived, Chain, ReceiptIndex
from enforcer.contract.receipt import Link

Run = tuple[int, int]  # first and last sequence


@dataclass(slots=True)
class Gaps:
    """The places of each chain that archives took, and a reader that fills them while lines are verified.

    `hear` gets every link in its order, those of the archived places out of the index. `problems` are links that don't
    fit, one sentence each.
    """

    hear: Callable[[Link], None]
    runs: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)
    _before: dict[str, Link] = field(default_factory=dict)

    @classmethod
    def read(cls, hear: Callable[[Link], None]) -> "Gaps":
        """As the archives say."""
        made = cls(hear)
        for part in Archived.objects.order_by("chain_id", "first"):
            made.runs[part.chain_id].append((part.first, part.last))
        return made

    def taken(self, chain_id: str) -> int:
        """How many places."""
        return sum(last - first + 1 for first, last in self.runs.get(chain_id, ()))

    def hold(self, chain_id: str, sequence: int) -> bool:
        """Whether an archive has this place."""
        runs = self.runs.get(chain_id, [])
        at = bisect_left(runs, sequence, key=lambda run: run[1])
        return at < len(runs) and runs[at][0] <= sequence

    def excuse(self, chain: Chain, first: int) -> bool:
        """Whether what is before a stretch is in an archive: the receipt before, or the end of the chain before."""
        if first > 1:
            return self.hold(chain.chain_id, first - 1)
        previous = Chain.objects.filter(chain_id=chain.previous_chain_id).first()
        return previous is not None and self.hold(previous.chain_id, previous.contiguous_to)

    def line(self, link: Link) -> None:
        """A line that is here: first what was archived before it, then the line itself."""
        self._fill(link.chain_id, link.sequence)
        self._follow(link)

    def finish(self) -> None:
        """Whatever was archived after the last line of a chain."""
        for chain_id in sorted(self.runs):
            self._fill(chain_id, None)

    def _fill(self, chain_id: str, until: int | None) -> None:
        before = self._before.get(chain_id)
        heard = before.sequence if before else 0
        for first, last in self.runs.get(chain_id, ()):
            if last <= heard or (until is not None and first >= until):
                continue
            found = 0
            for link in _indexed(chain_id, first, last):
                found += 1
                self._follow(link)
            if found != last - first + 1:
                self.problems.append(
                    f"chain {chain_id}: {found} of the archived receipts {first} to {last} are indexed"
                )

    def _follow(self, link: Link) -> None:
        if link.sequence == 1 and self.runs:
            self._begin(link)
        before = self._before.get(link.chain_id)
        follows = before is not None and link.sequence == before.sequence + 1
        at_seam = self.hold(link.chain_id, link.sequence) or self.hold(link.chain_id, link.sequence - 1)
        if follows and at_seam and before is not None and link.parent_hash != before.receipt_hash:
            self.problems.append(f"chain {link.chain_id}: {link.sequence} does not name the archived receipt before it")
        self._before[link.chain_id] = link
        self.hear(link)

    def _begin(self, link: Link) -> None:
        """A chain names the head of the one before it, also where either is known from the index alone."""
        chain = Chain.objects.get(chain_id=link.chain_id)
        previous = Chain.objects.filter(chain_id=chain.previous_chain_id).first()
        if previous is None or link.parent_hash == previous.head_hash:
            return
        if self.hold(link.chain_id, 1) or self.hold(previous.chain_id, previous.contiguous_to):
            self.problems.append(f"chain {link.chain_id} does not name the archived head of chain {previous.chain_id}")


def _indexed(chain_id: str, first: int, last: int) -> Iterator[Link]:
    rows = ReceiptIndex.objects.filter(chain_id=chain_id, sequence__range=(first, last)).order_by("sequence")
    for row in rows.iterator(chunk_size=1000):
        yield Link(
            receipt_id=row.receipt_id,
            receipt_type="",
            enforcer_id="",
            chain_id=chain_id,
            sequence=row.sequence,
            parent_hash=row.parent_hash,
            receipt_hash=row.receipt_hash,
        )


def archive_of(receipt_id: str) -> Archive | None:
    """The archive that a receipt is in."""
    place = ReceiptIndex.objects.filter(receipt_id=receipt_id).first()
    if place is None:
        return None
    parts = Archived.objects.select_related("archive").filter(chain_id=place.chain_id, last__gte=place.sequence)
    part = parts.order_by("last").first()
    return part.archive if part is not None and part.first <= place.sequence else None
