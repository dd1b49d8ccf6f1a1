"""Offline verification of an export: JSON Lines of receipts and signed chain heads (CONTRACTS section 4).

Rules: every line is canonical and hashes to what it says; a chain runs from 1 without a gap, each receipt naming the
hash of the one before; a genesis names the head of its enforcer's previous chain; no receipt stands twice; every
stretch ends in a head signed by a trusted key, and so does the file. In the export of a part, such as a month, each
head says where its stretch begins: what is before it was left out by whoever exported, not taken out of the file.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from enforcer.contract import strict_json
from enforcer.contract.keys import PublicKey
from enforcer.contract.receipt import GENESIS_PARENT, Link, ReceiptError, ReceiptType, chain_head_holds, open_line
from enforcer.contract.strict_json import JsonObject, JsonValue

MAX_PROBLEMS = 100
MAX_STRETCH = 1000


@dataclass(slots=True)
class ExportReport:
    """What was found; no problem means that the export is whole and unchanged."""

    receipts: int = 0
    chains: int = 0
    parts: int = 0  # stretches before which something was left out, as their signed heads say
    problems: list[str] = field(default_factory=list)

    def add(self, line: int, problem: str) -> None:
        """Note a problem with its line (from 1); the first hundred are kept."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"line {line}: {problem}")


@dataclass(slots=True)
class _Chain:
    enforcer_id: str
    sequence: int
    head: str


@dataclass(slots=True)
class _Reader:
    keys: Mapping[str, PublicKey]
    hear: Callable[[Link], None]
    report: ExportReport = field(default_factory=ExportReport)
    chains: dict[str, _Chain] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    open_chain: str | None = None
    first: int = 0  # of the stretch that is being read
    unsigned: int = 0
    breaks: list[tuple[int, str]] = field(default_factory=list)  # what the head of this stretch may explain

    def read(self, number: int, line: bytes) -> None:
        if b'"' + ReceiptType.CHAIN_HEAD.encode() + b'"' in line:
            head = self._parse_head(number, line)
            if head is not None:
                self._head(number, head)
            return
        try:
            link, receipt = open_line(line)
        except ReceiptError as problem:
            self.report.add(number, str(problem))
            return
        self.hear(link)
        self._receipt(number, link, receipt)

    def _parse_head(self, number: int, line: bytes) -> JsonObject | None:
        try:
            head = strict_json.parse_object(line)
        except strict_json.StrictJsonError as problem:
            self.report.add(number, f"not a chain head: {problem}")
            return None
        if head.get("receipt_type") == ReceiptType.CHAIN_HEAD:
            return head
        self.report.add(number, "not a chain head, and not a receipt")
        return None

    def _receipt(self, number: int, link: Link, receipt: JsonObject) -> None:
        self.report.receipts += 1
        if link.receipt_id in self.seen:
            self.report.add(number, f"receipt {link.receipt_id} stands twice")
        self.seen.add(link.receipt_id)
        if self.open_chain not in (None, link.chain_id):
            self.report.add(number, f"chain {self.open_chain} was left without a signed head")
            self._end_stretch()
        if self.open_chain is None:
            self.open_chain, self.first = link.chain_id, link.sequence
        self.unsigned += 1
        if self.unsigned > MAX_STRETCH:
            self.report.add(number, f"more than {MAX_STRETCH} receipts without a signed head")
        chain = self.chains.get(link.chain_id)
        if chain is None:
            self._genesis(number, link, receipt)
        elif link.enforcer_id != chain.enforcer_id:
            self.report.add(number, f"chain {link.chain_id} is of enforcer {chain.enforcer_id}, not {link.enforcer_id}")
        elif link.sequence != chain.sequence + 1:
            self._break(number, link, f"sequence {link.sequence} follows {chain.sequence} in chain {link.chain_id}")
        elif link.parent_hash != chain.head:
            self.report.add(number, f"sequence {link.sequence} does not name the receipt before it")
        self.chains[link.chain_id] = _Chain(link.enforcer_id, link.sequence, link.receipt_hash)

    def _genesis(self, number: int, link: Link, receipt: JsonObject) -> None:
        if link.sequence != 1:
            self._break(number, link, f"chain {link.chain_id} starts at sequence {link.sequence}")
            return
        genesis = receipt.get("genesis")
        previous = genesis.get("previous_chain_id") if isinstance(genesis, dict) else None
        before = self.chains.get(previous) if isinstance(previous, str) else None
        if previous is None and link.parent_hash != GENESIS_PARENT:
            self.report.add(number, f"chain {link.chain_id} names a parent but no previous chain")
        if before is not None and before.head != link.parent_hash:
            self._break(number, link, f"chain {link.chain_id} does not name the head of chain {previous}")

    def _break(self, number: int, link: Link, problem: str) -> None:
        """Where a stretch begins, its head may say that it is a part; within one nothing excuses it."""
        if self.unsigned == 1 and link.sequence > self._known(link.chain_id):
            self.breaks.append((number, problem))
        else:
            self.report.add(number, problem)

    def _known(self, chain_id: str) -> int:
        chain = self.chains.get(chain_id)
        return chain.sequence if chain else 0

    def _end_stretch(self, first: JsonValue = None) -> None:
        """`first` is what the head says of where it began."""
        if self.breaks and first == self.first:
            self.report.parts += 1
        else:
            for number, problem in self.breaks:
                self.report.add(number, problem)
        self.open_chain, self.unsigned, self.breaks = None, 0, []

    def _head(self, number: int, head: JsonObject) -> None:
        chain_id = head.get("chain_id")
        chain = self.chains.get(chain_id) if isinstance(chain_id, str) else None
        if not chain_head_holds(head, self.keys):
            self.report.add(number, "the chain head has no signature of a given key")
        elif chain is None or chain_id != self.open_chain:
            self.report.add(number, f"a chain head of {chain_id!r} where {self.open_chain!r} ends")
        elif (head.get("sequence"), head.get("receipt_hash")) != (chain.sequence, chain.head):
            self.report.add(number, f"the chain head is not that of the receipt before it in chain {chain_id}")
        elif head.get("enforcer_id") != chain.enforcer_id:
            self.report.add(number, f"the chain head names enforcer {head.get('enforcer_id')!r}")
        elif head.get("first", self.first) != self.first:
            self.report.add(
                number, f"the chain head is of a stretch from {head.get('first')}, which begins at {self.first}"
            )
        else:
            self._end_stretch(head.get("first"))


def verify_export(
    lines: Iterable[bytes], keys: Mapping[str, PublicKey], hear: Callable[[Link], None] = lambda _link: None
) -> ExportReport:
    """Check a whole export against checkpoint keys by key id. Lines come without their newline.

    `hear` gets each receipt that hashes to what it says.
    """
    reader = _Reader(keys, hear)
    number = 0
    for number, line in enumerate(lines, 1):
        reader.read(number, line)
    if reader.open_chain is not None:
        reader.report.add(number, f"the file ends without a signed head of chain {reader.open_chain}")
        reader._end_stretch()
    reader.report.chains = len(reader.chains)
    return reader.report
