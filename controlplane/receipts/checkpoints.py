"""Checkpoints over what is stored (docs/decisions/0027): made by the publisher, proofs out of them, and verified."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from controlplane.common.errors import InvalidState
from controlplane.receipts.models import Chain, Checkpoint, Receipt, ReceiptIndex, Stretch
from enforcer.contract import checkpoint as contract
from enforcer.contract.canonical import sha256
from enforcer.contract.checkpoint import (
    MAX_RECEIPTS,
    ProofError,
    open_checkpoint,
    raw,
    read_unsigned,
    root_over,
    shown,
)
from enforcer.contract.documents import SCHEMA, write
from enforcer.contract.envelope import PayloadType, seal
from enforcer.contract.keys import PublicKey, SigningKey
from enforcer.contract.merkle import HASH_BYTES
from enforcer.contract.receipt import GENESIS_PARENT, Link
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text

MAX_STRETCHES = 200
AT_ONCE = 100  # stretches a query; SQLite takes a thousand terms
PLACE = ("chain_id", "sequence", "receipt_hash")


def make_next(*, key: SigningKey, generation: int, now: datetime) -> Checkpoint | None:
    """Over what is whole and in no checkpoint yet, at most `MAX_RECEIPTS`; none where that is nothing.

    Raises `IntegrityError` where another publisher was first, `InvalidState` where a place in a chain is gone.
    """
    last = Checkpoint.objects.order_by(
        "-number"
    ).first()  # before the rest: what another makes meanwhile has its number
    waiting = list(_waiting())
    if not waiting:
        return None
    hashes = _hashes(waiting)
    if len(hashes) != sum(part.last - part.first + 1 for part in waiting):
        raise InvalidState("damaged", "a receipt's place in its chain is gone: `manage.py receipts verify` names it")
    made = contract.Checkpoint(
        schema=SCHEMA,
        generation=generation,
        issued_at=to_text(now.timestamp()),
        number=last.number + 1 if last else 1,
        previous=last.payload_hash if last else GENESIS_PARENT,
        size=len(hashes),
        root=root_over(hashes),
        stretches=tuple(waiting),
    )
    payload = write(made)
    row = Checkpoint(
        number=made.number,
        envelope=seal(PayloadType.CHECKPOINT, payload, [key]).decode(),
        payload_hash=sha256(payload),
        size=made.size,
        made_at=now,
    )
    with transaction.atomic():
        row.save(force_insert=True)
        Stretch.objects.bulk_create(
            Stretch(checkpoint=row, chain_id=part.chain_id, first=part.first, last=part.last) for part in waiting
        )
    return row


def _waiting() -> Iterator[contract.Stretch]:
    """What no checkpoint holds, chain by chain."""
    covered = Stretch.objects.filter(chain_id=OuterRef("chain_id")).order_by("-last").values("last")[:1]
    chains = Chain.objects.annotate(covered=Coalesce(Subquery(covered), 0)).filter(contiguous_to__gt=F("covered"))
    room = MAX_RECEIPTS
    for chain in chains.order_by("first_seen", "chain_id")[:MAX_STRETCHES]:
        if room <= 0:
            return
        last = min(chain.contiguous_to, chain.covered + room)
        head = ReceiptIndex.objects.filter(chain_id=chain.chain_id, sequence=last).first()
        yield contract.Stretch(
            enforcer_id=chain.enforcer_id,
            chain_id=chain.chain_id,
            first=chain.covered + 1,
            last=last,
            receipt_hash=head.receipt_hash if head else "",  # `make_next` makes none of it then
        )
        room -= last - chain.covered


def _hashes(parts: Sequence[contract.Stretch]) -> list[str]:
    """Of every receipt that is there, in the order of leaves."""
    found: dict[tuple[str, int], str] = {}
    for at in range(0, len(parts), AT_ONCE):
        wanted = Q()
        for part in parts[at : at + AT_ONCE]:
            wanted |= Q(chain_id=part.chain_id, sequence__range=(part.first, part.last))
        for chain_id, sequence, receipt_hash in ReceiptIndex.objects.filter(wanted).values_list(*PLACE):
            found[chain_id, sequence] = receipt_hash
    places = ((part.chain_id, sequence) for part in parts for sequence in range(part.first, part.last + 1))
    return [found[place] for place in places if place in found]


def holding(chain_id: str, sequence: int) -> Checkpoint | None:
    """The checkpoint over a place in a chain."""
    stretch = Stretch.objects.filter(chain_id=chain_id, last__gte=sequence).order_by("last").first()
    return stretch.checkpoint if stretch is not None and stretch.first <= sequence else None


def proof_of(receipt: Receipt) -> JsonObject:
    """For `enforcer verify-proof`, which checks the signature; raises `InvalidState` where there is none that holds."""
    row = holding(receipt.chain_id, receipt.sequence)
    if row is None:
        raise InvalidState("no_checkpoint", "no checkpoint holds it yet; one is made within a minute of its coming")
    try:
        document, _ = read_unsigned(row.envelope.encode())
        index = document.index_of(receipt.chain_id, receipt.sequence)
        hashes = _hashes(document.stretches)
        if index is None or root_over(hashes) != document.root:
            raise ProofError("what is stored is not what it was signed over")
    except ValueError as problem:
        raise InvalidState("bad_checkpoint", f"checkpoint {row.number} holds no more: {problem}") from None
    return contract.proof(bytes(receipt.line), row.envelope, hashes, index)


@dataclass(slots=True)
class Heard:
    """The hashes of each chain, recomputed from lines in the order of the chain."""

    chains: dict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))

    def hear(self, link: Link) -> None:
        """One more receipt; one out of its place is left out, and so are those after it."""
        if len(self.chains[link.chain_id]) == (link.sequence - 1) * HASH_BYTES:
            self.chains[link.chain_id] += raw(link.receipt_hash)

    def of(self, part: contract.Stretch) -> list[str]:
        """As text; fewer than asked for where the chain is shorter."""
        told = self.chains.get(part.chain_id, b"")[(part.first - 1) * HASH_BYTES : part.last * HASH_BYTES]
        return [shown(bytes(told[at : at + HASH_BYTES])) for at in range(0, len(told), HASH_BYTES)]


def newest_number() -> int:
    """Of the checkpoint that was made last; 0 before the first."""
    return Checkpoint.objects.order_by("-number").values_list("number", flat=True).first() or 0


def verify_checkpoints(heard: Heard, keys: Mapping[str, PublicKey], last: int) -> Iterator[str]:
    """What is wrong with those that are stored: number, link, signature, root; one sentence each.

    `last` was the newest before the receipts were read: one that was made meanwhile may be over receipts that came
    meanwhile.
    One whose key was retired is vouched for by the next, which names its hash; so the newest must bear a listed key.
    """
    before, number = GENESIS_PARENT, 0
    covered: dict[str, int] = {}
    for row in Checkpoint.objects.filter(number__lte=last).order_by("number").iterator(chunk_size=100):
        number += 1
        try:
            document, hash_ = _opened(row, keys, newest=row.number == last)
        except ProofError as problem:
            yield f"checkpoint {row.number}: {problem}"
            before = row.payload_hash
            continue
        if (row.number, document.number) != (number, number):
            yield f"checkpoint {number} is missing"
            number = row.number
        elif document.previous != before:
            yield f"checkpoint {row.number} does not name the one before it"
        before = hash_
        yield from _wrong_stretches(document, covered)
        if root_over([found for part in document.stretches for found in heard.of(part)]) != document.root:
            yield f"checkpoint {row.number}: its root is not that of the receipts that it was signed over"


def _opened(row: Checkpoint, keys: Mapping[str, PublicKey], *, newest: bool) -> tuple[contract.Checkpoint, str]:
    """Of one that the next vouches for, no more than its form is asked."""
    try:
        return open_checkpoint(row.envelope.encode(), keys)
    except ProofError:
        if newest:
            raise
        return read_unsigned(row.envelope.encode())


def _wrong_stretches(document: contract.Checkpoint, covered: dict[str, int]) -> Iterator[str]:
    for part in document.stretches:
        if part.first != covered.get(part.chain_id, 0) + 1 or part.last < part.first:
            yield f"checkpoint {document.number}: chain {part.chain_id} goes on at {part.first}, where it doesn't"
        covered[part.chain_id] = part.last


def verify_kept(lines: Sequence[bytes], keys: Mapping[str, PublicKey]) -> Iterator[str]:
    """What is wrong with checkpoints that somebody kept, against those here: the only sight of a history written anew.

    One whose key was retired since counts where it is the one that is here, whose signature was looked at with it.
    """
    for number, line in enumerate(lines, 1):
        try:
            document, hash_ = read_unsigned(line)
        except ProofError as problem:
            yield f"kept line {number}: {problem}"
            continue
        here = Checkpoint.objects.filter(number=document.number).first()
        if here is not None and here.payload_hash == hash_:
            continue
        try:
            open_checkpoint(line, keys)
        except ProofError:
            yield f"kept line {number}: not a checkpoint of this control plane, by any key that is listed now"
            continue
        what = "gone" if here is None else "another one"
        yield f"kept line {number}: checkpoint {document.number}, signed {document.issued_at}, is {what} here"
