"""One receipt as a person reads it: every field of its line, and what its chain proves of it now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controlplane.common.errors import InvalidState
from controlplane.receipts.chains import followed_at
from controlplane.receipts.checkpoints import holding, proof_of
from controlplane.receipts.models import Chain, Receipt, ReceiptIndex
from enforcer.contract import strict_json
from enforcer.contract.receipt import GENESIS_PARENT, Link, ReceiptError, ReceiptType, open_line
from enforcer.contract.strict_json import JsonObject, JsonValue

MOST_FIELDS = 400


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one question; `holds` is None where nobody can tell yet."""

    holds: bool | None
    says: str


def content(receipt: Receipt) -> JsonObject:
    """What the line says; empty where it is no JSON."""
    try:
        return strict_json.parse_object(bytes(receipt.line))
    except ValueError:
        return {}


def actions_of(rows: Iterable[Receipt]) -> dict[str, str]:
    """By receipt id, what people did: it stands in the lines of the control plane's own receipts, which are short."""
    own = [row.pk for row in rows if row.receipt_type == ReceiptType.ADMIN]
    lines = Receipt.objects.filter(pk__in=own).only("receipt_id", "line") if own else ()
    found = {row.pk: content(row).get("action") for row in lines}
    return {receipt_id: action for receipt_id, action in found.items() if isinstance(action, str)}


def fields(value: JsonObject, above: str = "") -> Iterator[tuple[str, JsonValue]]:
    """`("mcp.server_id", "files")`, in the order of the line; lists of plain values stay together."""
    for key, item in value.items():
        path = f"{above}{key}"
        if isinstance(item, dict) and item:
            yield from fields(item, f"{path}.")
        else:
            yield path, item


def findings(receipt: Receipt) -> list[Finding]:
    """Everything is recomputed from the stored bytes, never read from a column."""
    try:
        link, _ = open_line(bytes(receipt.line))
    except ReceiptError as problem:
        return [Finding(False, f"this line is not as it was written: {problem}")]
    said = [Finding(True, "the hash in it is that of its content"), _in_its_place(receipt, link)]
    return [*said, _before(link), _after(link), _whole(link), _in_checkpoint(receipt)]


def _in_its_place(receipt: Receipt, link: Link) -> Finding:
    index = ReceiptIndex.objects.filter(chain_id=link.chain_id, sequence=link.sequence).first()
    columns = (receipt.receipt_id, receipt.chain_id, receipt.sequence)
    if columns != (link.receipt_id, link.chain_id, link.sequence):
        return Finding(False, "the columns by which it is found say something else than its line")
    if index is None or (index.receipt_id, index.receipt_hash) != (link.receipt_id, link.receipt_hash):
        return Finding(False, "its place in the chain was noted for another receipt")
    return Finding(True, f"it has place {link.sequence} of its chain, as was noted when it came")


def _before(link: Link) -> Finding:
    if link.sequence == 1:
        return _genesis(link)
    before = _at(link.chain_id, link.sequence - 1)
    if before is None:
        return Finding(None, f"the receipt before it, {link.sequence - 1}, is not here")
    if before != link.parent_hash:
        return Finding(False, "the receipt before it has another hash than it names")
    return Finding(True, "it names the hash of the receipt before it")


def _genesis(link: Link) -> Finding:
    if link.parent_hash == GENESIS_PARENT:
        return Finding(True, "its chain begins here, and no chain was before")
    chain = Chain.objects.filter(chain_id=link.chain_id).first()
    previous = Chain.objects.filter(chain_id=chain.previous_chain_id).first() if chain else None
    if previous is None:
        return Finding(None, "the chain that it follows is not here")
    if previous.head_hash != link.parent_hash:
        at = followed_at(link.chain_id)
        if _at(previous.chain_id, at + 1) is not None:
            return Finding(
                False, f"it follows chain {previous.chain_id} at {at}, of which more is here: a journal went back"
            )
        return Finding(None, f"it follows chain {previous.chain_id}, of which not all is here")
    return Finding(True, f"it names the head of chain {previous.chain_id}, which was before")


def _after(link: Link) -> Finding:
    after = Receipt.objects.filter(chain_id=link.chain_id, sequence=link.sequence + 1).first()
    if after is None:
        return Finding(None, "it is the newest of its chain here")
    try:
        names = open_line(bytes(after.line))[0].parent_hash
    except ReceiptError:
        return Finding(False, "the receipt after it is not as it was written")
    if names != link.receipt_hash:
        return Finding(False, "the receipt after it names another hash")
    return Finding(True, "the receipt after it names its hash")


def _whole(link: Link) -> Finding:
    chain = Chain.objects.filter(chain_id=link.chain_id).first()
    if chain is None:
        return Finding(False, "nobody knows its chain")
    if link.sequence > chain.contiguous_to:
        return Finding(None, f"its chain is whole up to {chain.contiguous_to} only, so it waits for those between")
    return Finding(True, f"its chain is whole from 1 to {chain.contiguous_to}")


def _in_checkpoint(receipt: Receipt) -> Finding:
    row = holding(receipt.chain_id, receipt.sequence)
    if row is None:
        return Finding(None, "no checkpoint holds it yet: one is signed a minute")
    try:
        proof_of(receipt)
    except InvalidState as problem:
        return Finding(False, str(problem))
    return Finding(True, f"it is in checkpoint {row.number} of {row.made_at:%d %b %Y %H:%M} UTC, whose root holds")


def _at(chain_id: str, sequence: int) -> str | None:
    """The hash of the receipt there, of its bytes; empty for one that was changed."""
    row = Receipt.objects.filter(chain_id=chain_id, sequence=sequence).first()
    if row is None:
        return None
    try:
        return open_line(bytes(row.line))[0].receipt_hash
    except ReceiptError:
        return ""


def newest_hold(chain: Chain, most: int) -> Finding:
    """Whether the newest `most` receipts of the whole part follow from each other; the command verifies all."""
    whole = Receipt.objects.filter(chain_id=chain.chain_id, sequence__lte=chain.contiguous_to)
    rows = list(whole.order_by("-sequence")[:most])
    wanted, place = chain.head_hash, chain.contiguous_to
    for row in rows:
        try:
            link, _ = open_line(bytes(row.line))
        except ReceiptError as problem:
            return Finding(False, f"receipt {row.receipt_id} at {row.sequence}: {problem}")
        if (link.sequence, link.receipt_hash) != (place, wanted):
            return Finding(False, f"the receipt at {place} is not the one that the next, or the head, names")
        wanted, place = link.parent_hash, place - 1
    if len(rows) < min(most, chain.contiguous_to):
        return Finding(False, f"the receipt at {place} is gone")
    return Finding(True, f"the newest {len(rows)} follow from each other up to the head")
