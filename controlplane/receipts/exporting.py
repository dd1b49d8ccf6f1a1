"""Receipts as lines: each chain as far as it is whole, signed heads between (CONTRACTS section 4).

What filters leave out lies between stretches; the head of each then says where its stretch begins, so that a part of
the receipts verifies like the whole.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from django.db.models import Q, Sum

from controlplane.policy.signing import ask
from controlplane.receipts.archived import Gaps
from controlplane.receipts.models import Chain, Receipt, ReceiptIndex
from enforcer.contract.export import MAX_STRETCH, ExportReport, verify_export
from enforcer.contract.keys import SigningKey
from enforcer.contract.progress import told
from enforcer.contract.receipt import Link, chain_head
from enforcer.contract.strict_json import JsonValue

Ends = tuple[int, int]  # of a stretch: its first and last sequence
SignHeads = Callable[[Chain, Sequence[Ends]], Sequence[bytes]]


def export_lines(which: Q, sign_heads: SignHeads) -> Iterator[bytes]:
    """Lines without newline. A chain follows the one that its first receipt names."""
    for chain in list(Chain.objects.filter(contiguous_to__gt=0).order_by("first_seen", "chain_id")):
        yield from _pages(chain, which, sign_heads)


def _pages(chain: Chain, which: Q, sign_heads: SignHeads) -> Iterator[bytes]:
    whole = Receipt.objects.filter(which, chain_id=chain.chain_id, sequence__lte=chain.contiguous_to)
    last = 0
    # A page at a time: an open cursor would keep this connection from seeing the publisher's answers.
    while page := list(whole.filter(sequence__gt=last).order_by("sequence")[:MAX_STRETCH]):
        stretches = list(_stretches(page))
        heads = sign_heads(chain, [(stretch[0].sequence, stretch[-1].sequence) for stretch in stretches])
        for stretch, head in zip(stretches, heads, strict=True):
            yield from (bytes(receipt.line) for receipt in stretch)
            yield head
        last = page[-1].sequence


def _stretches(page: Sequence[Receipt]) -> Iterator[Sequence[Receipt]]:
    """Those that follow each other without a gap."""
    begins = 0
    for at in range(1, len(page) + 1):
        if at == len(page) or page[at].sequence != page[at - 1].sequence + 1:
            yield page[begins:at]
            begins = at


def heads_for(which: Q) -> SignHeads:
    """Signed by the publisher; raises `StackUnreachable` where it doesn't answer."""
    return partial(_signed_heads, part=bool(which))


def _signed_heads(chain: Chain, stretches: Sequence[Ends], *, part: bool) -> list[bytes]:
    asked: list[JsonValue] = [[first if part else 0, last] for first, last in stretches]
    lines = ask("chain_heads", {"chain_id": chain.chain_id, "stretches": asked})["lines"]
    assert isinstance(lines, list)
    return [str(line).encode() for line in lines]


def verify_stored(
    tell: Callable[[int], None] = lambda _percent: None, hear: Callable[[Link], None] = lambda _link: None
) -> ExportReport:
    """Recompute everything from the stored bytes, as for an export with heads by a key that nobody keeps.

    `tell` hears each percent, `hear` each receipt that hashes to what it says.
    """
    key = SigningKey.generate()

    gaps = Gaps.read(hear)

    def sign_heads(chain: Chain, stretches: Sequence[Ends]) -> list[bytes]:
        return [sign_head(chain, last, first if gaps.excuse(chain, first) else None) for first, last in stretches]

    def sign_head(chain: Chain, sequence: int, first: int | None) -> bytes:
        at_end = sequence == chain.contiguous_to
        index = ReceiptIndex.objects.filter(chain_id=chain.chain_id, sequence=sequence).first()
        head = chain.head_hash if at_end else index.receipt_hash if index else "missing"
        return chain_head(chain.enforcer_id, chain.chain_id, sequence, head, key, first=first)

    whole = Chain.objects.aggregate(receipts=Sum("contiguous_to"))["receipts"] or 0
    lines = told(export_lines(Q(), sign_heads), whole, lambda _line: 1, tell)
    report = verify_export(lines, {key.public.keyid: key.public}, gaps.line)
    gaps.finish()
    report.problems += [*gaps.problems, *(f"chain {chain_id}: {problem}" for chain_id, problem in _missing(gaps))]
    return report


def waiting() -> list[tuple[str, int, int]]:
    """(chain, sequence that is missing or does not fit, receipts that wait for it)."""
    found = []
    for chain in Chain.objects.order_by("first_seen", "chain_id"):
        beyond = ReceiptIndex.objects.filter(chain_id=chain.chain_id, sequence__gt=chain.contiguous_to).count()
        if beyond:
            found.append((chain.chain_id, chain.contiguous_to + 1, beyond))
    return found


def _missing(gaps: Gaps) -> Iterator[tuple[str, str]]:
    for chain_id, sequence, beyond in waiting():
        yield chain_id, f"sequence {sequence} is missing or does not fit; {beyond} receipts wait for it"
    for chain in Chain.objects.filter(contiguous_to__gt=0):
        whole = Receipt.objects.filter(chain_id=chain.chain_id, sequence__lte=chain.contiguous_to).count()
        due = chain.contiguous_to - gaps.taken(chain.chain_id)
        if whole != due:
            yield chain.chain_id, f"{whole} receipts are stored where {due} were acknowledged"
