"""The only writer of receipts: batches from enforcers, and the control plane's own."""

import logging
import secrets
import time
import uuid
from collections.abc import Collection

from django.db import transaction

from controlplane.fleet.models import Enforcer
from controlplane.observability.trace import current_trace_id
from controlplane.receipts.models import Chain, ReceiptIndex
from controlplane.receipts.patience import patience
from controlplane.receipts.store import Line, Taken, enter, locked_chain
from enforcer.contract.documents import DocumentError, read
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal, unseal_by
from enforcer.contract.fleet import MOST_CHAINS_ACKED, Batch
from enforcer.contract.receipt import (
    CSP_PROFILE,
    CSP_VERSION,
    GENESIS_PARENT,
    ReceiptError,
    ReceiptType,
    open_line,
    seal_receipt,
)
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text

log = logging.getLogger(__name__)
MAX_BATCH = 5_000  # receipts; SQLite allows about 32,000 values in a statement
MAX_ID = 64  # characters of a receipt id or chain id, the width of their columns
OWN_ID = "control-plane"  # reserved: no enforcer is enrolled under it
OWN_CHAIN = "control-plane"


def ingest_batch(envelope: bytes) -> Taken:
    """Store a signed batch: at least once on the wire, exactly once here. One that is not genuine changes nothing.

    Raises `OperationalError` where the database does not let it in time; the enforcer sends it again.
    """
    with patience():
        try:
            batch = _genuine(envelope)
            lines = [_line(raw.encode()) for raw in batch.receipts]
            _check(batch, lines)
        except (EnvelopeError, DocumentError, ReceiptError) as problem:
            log.warning("a batch of receipts was refused: %r", str(problem))
            return Taken(refused=str(problem))
        return _store(batch, lines)


def _genuine(envelope: bytes) -> Batch:
    """The batch, once signed by the enforcer that it names."""
    keys = {enforcer.id: enforcer.key for enforcer in Enforcer.objects.all()}
    payload, keyid = unseal_by(envelope, PayloadType.BATCH, {key.keyid: key for key in keys.values()})
    batch = read(payload, Batch)
    signer = keys.get(batch.enforcer_id)
    if signer is None:
        raise EnvelopeError("names an enforcer that is not enrolled")
    if keyid != signer.keyid:  # signed by several: its own must be among them
        unseal(envelope, PayloadType.BATCH, {signer.keyid: signer})
    return batch


def _line(raw: bytes) -> Line:
    return Line(raw, *open_line(raw))


def _check(batch: Batch, lines: list[Line]) -> None:
    if batch.chain_id == OWN_CHAIN:
        raise ReceiptError("names the control plane's own chain")
    if len(lines) > MAX_BATCH:
        raise ReceiptError(f"holds {len(lines)} receipts; {MAX_BATCH} are allowed")
    for line in lines:
        if (line.link.enforcer_id, line.link.chain_id) != (batch.enforcer_id, batch.chain_id):
            raise ReceiptError("holds receipts of another chain")
        if max(map(len, (line.link.receipt_id, line.link.chain_id, line.link.receipt_type))) > MAX_ID:
            raise ReceiptError(f"holds an id of more than {MAX_ID} characters")


@transaction.atomic
def _store(batch: Batch, lines: list[Line]) -> Taken:
    chain = locked_chain(batch.chain_id, batch.enforcer_id)
    if chain.enforcer_id != batch.enforcer_id:
        log.warning("%s sent receipts for a chain of %s", batch.enforcer_id, chain.enforcer_id)
        return Taken(refused="the chain is another enforcer's")
    return enter(chain, lines)


def ack_heads(enforcer_id: str) -> list[tuple[str, int, str]]:
    """(chain, sequence, hash) up to which an enforcer's recent chains are committed without a gap."""
    chains = Chain.objects.filter(enforcer_id=enforcer_id, contiguous_to__gt=0).order_by("-last_seen")
    chains = chains[:MOST_CHAINS_ACKED]
    return [(chain.chain_id, chain.contiguous_to, chain.head_hash) for chain in chains]


def head_hashes(chain_id: str, sequences: Collection[int]) -> tuple[str, dict[int, str]]:
    """The enforcer, and receipt hashes by place, which the publisher may sign; none of a place beyond the watermark."""
    chain = Chain.objects.filter(chain_id=chain_id).first()
    if chain is None:
        return "", {}
    there = ReceiptIndex.objects.filter(chain_id=chain_id, sequence__in=sequences, sequence__lte=chain.contiguous_to)
    return chain.enforcer_id, dict(there.values_list("sequence", "receipt_hash"))


@transaction.atomic
def record_admin_receipt(*, actor: str, action: str, detail: JsonObject) -> None:
    """What a person did to policy or switches, in the control plane's own chain, in the caller's transaction."""
    chain = locked_chain(OWN_CHAIN, OWN_ID)
    parent = chain.head_hash or GENESIS_PARENT
    receipt = _admin_receipt(actor, action, detail)
    line, _ = seal_receipt(receipt, chain_id=OWN_CHAIN, sequence=chain.contiguous_to + 1, parent_hash=parent)
    taken = enter(chain, [_line(line)])
    assert taken.stored == 1, taken


def _admin_receipt(actor: str, action: str, detail: JsonObject) -> JsonObject:
    now = to_text(time.time())
    return {
        "receipt_id": str(uuid.uuid4()),
        "receipt_type": ReceiptType.ADMIN,
        "csp_profile": CSP_PROFILE,
        "csp_version": CSP_VERSION,
        "ts": now,
        "event_time": now,
        "valid_time": {"start": now},
        "observed_at": now,
        "transaction_time": {"recorded_at": now},
        "trace_id": current_trace_id() or secrets.token_hex(16),
        "enforcer_id": OWN_ID,
        "principal": {"sub": actor, "actor_type": "user"},
        "action": action,
        "detail": detail,
    }
