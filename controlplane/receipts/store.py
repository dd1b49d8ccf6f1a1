"""Entering receipts into chains, once each. Callers hold a transaction; the row of the chain is the lock."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Q

from controlplane.inventory.models import Sighting
from controlplane.receipts.copying import copy_in
from controlplane.receipts.models import Chain, Conflict, Receipt, ReceiptIndex
from enforcer.contract import strict_json
from enforcer.contract.receipt import Link, ReceiptType
from enforcer.contract.strict_json import JsonObject, JsonValue

log = logging.getLogger(__name__)
Place = tuple[str, int, str]  # chain id, sequence, receipt hash


@dataclass(frozen=True, slots=True)
class Line:
    """One receipt: its exact bytes, and what was read from them."""

    raw: bytes
    link: Link
    receipt: JsonObject


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch."""

    stored: int = 0
    known: int = 0
    conflicts: int = 0
    refused: str = ""


def locked_chain(chain_id: str, enforcer_id: str) -> Chain:
    """The chain, made where it is new, locked to the end of the transaction."""
    Chain.objects.get_or_create(chain_id=chain_id, defaults={"enforcer_id": enforcer_id})
    return Chain.objects.select_for_update().get(chain_id=chain_id)


def enter(chain: Chain, lines: Sequence[Line]) -> Taken:
    """Store what is new, note what contradicts what is there, and move the watermark of the locked chain."""
    claimed, places = _claim(chain, [line.link for line in lines])
    new: dict[str, Receipt] = {}
    conflicts = 0
    for line in lines:
        problem = _problem(line.link, places.get(line.link.receipt_id))
        if problem:
            conflicts += 1
            _conflict(line, problem)
        elif line.link.receipt_id in claimed:
            new[line.link.receipt_id] = _row(line)
    copy_in(Receipt, new.values())
    told = [id_ for id_, row in new.items() if row.receipt_type == ReceiptType.DEFINITION]
    Sighting.objects.bulk_create((Sighting(receipt_id=id_) for id_ in told), ignore_conflicts=True)
    _advance(chain)
    return Taken(len(new), len(lines) - len(new) - conflicts, conflicts)


def _claim(chain: Chain, links: Sequence[Link]) -> tuple[set[str], dict[str, Place]]:
    """Take the places in the index that are free; returns the ids that are new, and where each id is now.

    Whose id was entered here is new, in whatever month its body lies.
    """
    wanted = Q(receipt_id__in=[link.receipt_id for link in links])
    taken = _places(wanted | Q(chain_id=chain.chain_id, sequence__in=[link.sequence for link in links]))
    sequences = {sequence for chain_id, sequence, _ in taken.values() if chain_id == chain.chain_id}
    free: dict[str, Link] = {}
    for link in links:
        if link.receipt_id not in taken and link.receipt_id not in free and link.sequence not in sequences:
            free[link.receipt_id] = link
            sequences.add(link.sequence)
    rows = [_index(link) for link in free.values()]
    try:
        with transaction.atomic():
            copy_in(ReceiptIndex, rows)
    except IntegrityError:  # another chain enters one of the ids at this moment: whose they are is read again
        ReceiptIndex.objects.bulk_create(rows, ignore_conflicts=True)
        return set(free), _places(wanted)
    return set(free), taken | {link.receipt_id: _place(link) for link in free.values()}


def _places(which: Q) -> dict[str, Place]:
    rows = ReceiptIndex.objects.filter(which).values_list("receipt_id", "chain_id", "sequence", "receipt_hash")
    return {receipt_id: (chain_id, sequence, receipt_hash) for receipt_id, chain_id, sequence, receipt_hash in rows}


def _place(link: Link) -> Place:
    return link.chain_id, link.sequence, link.receipt_hash


def _index(link: Link) -> ReceiptIndex:
    return ReceiptIndex(
        receipt_id=link.receipt_id,
        chain_id=link.chain_id,
        sequence=link.sequence,
        parent_hash=link.parent_hash,
        receipt_hash=link.receipt_hash,
    )


def _problem(link: Link, there: Place | None) -> str:
    if there is None:
        return "another receipt has this place in the chain"
    if there != _place(link):
        return "another receipt has this id"
    return ""


def _row(line: Line) -> Receipt:
    link, receipt = line.link, line.receipt
    mcp, principal, decision = (_object(receipt.get(key)) for key in ("mcp", "principal", "decision"))
    codes = decision.get("reason_codes")
    return Receipt(
        receipt_id=link.receipt_id,
        line=line.raw,
        receipt_type=link.receipt_type,
        enforcer_id=link.enforcer_id,
        chain_id=link.chain_id,
        sequence=link.sequence,
        event_time=_text(receipt.get("event_time"))[:32],
        server_id=_text(mcp.get("server_id"))[:63],
        tool_name=_text(mcp.get("tool_name")),
        subject=_text(principal.get("sub")),
        result=_text(decision.get("result"))[:20],
        reason_codes=" ".join(_text(code) for code in codes)[:255] if isinstance(codes, list) else "",
    )


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(value: JsonValue) -> str:
    # PostgreSQL takes no NUL in text; the line itself keeps it
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")[:255] if isinstance(value, str) else ""


def _conflict(line: Line, problem: str) -> None:
    link = line.link
    log.error("receipt %r of chain %r/%d: %s", link.receipt_id, link.chain_id, link.sequence, problem)
    same = Conflict.objects.filter(chain_id=link.chain_id, sequence=link.sequence, line=line.raw)
    if not same.exists():
        Conflict.objects.create(
            enforcer_id=link.enforcer_id,
            chain_id=link.chain_id,
            sequence=link.sequence,
            line=line.raw,
            problem=problem,
        )


def _advance(chain: Chain) -> None:
    """Move the watermark over receipts that follow without a gap and name the one before."""
    following = ReceiptIndex.objects.filter(chain_id=chain.chain_id, sequence__gt=chain.contiguous_to)
    steps = following.order_by("sequence").values_list("sequence", "receipt_id", "parent_hash", "receipt_hash")
    for sequence, receipt_id, parent_hash, receipt_hash in steps.iterator():
        if sequence != chain.contiguous_to + 1:
            break
        if sequence == 1:  # its parent is in another chain: `receipts verify` compares them
            chain.previous_chain_id = _previous_chain(receipt_id)
        elif parent_hash != chain.head_hash:
            log.error("chain %r breaks at %d: it does not name the receipt before", chain.chain_id, sequence)
            break
        chain.contiguous_to, chain.head_hash = sequence, receipt_hash
    chain.save()


def _previous_chain(receipt_id: str) -> str:
    receipt = Receipt.objects.get(receipt_id=receipt_id)
    genesis = _object(strict_json.parse_object(bytes(receipt.line)).get("genesis"))
    return _text(genesis.get("previous_chain_id"))[:64]
