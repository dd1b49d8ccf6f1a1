"""What was seen of tools, told to the control plane: a receipt each, a link of the chain like any other."""

import logging
from dataclasses import replace

from enforcer.contract.canonical import canonical
from enforcer.contract.receipt import ReceiptType
from enforcer.contract.sighting import Sighting, sighting_part
from enforcer.contract.strict_json import JsonObject
from enforcer.journal.problems import JournalUnavailable
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.own_receipts import own_receipt

log = logging.getLogger(__name__)
LONGEST = 64 * 1024  # bytes of a definition that a receipt holds; a longer one is reported without


async def report(gate: Gate, server_id: str) -> None:
    """Everything that the policy does not know; what the disk doesn't take now is reported another time."""
    policy, catalog = gate.link.current(server_id), gate.catalog(server_id)
    if policy is None:
        return
    for sighting in list(catalog.unreported(policy.index, gate.monotonic())):
        try:
            await gate.journal.record(receipt_of(gate, sighting, gate.wall()))
        except JournalUnavailable as problem:
            log.warning("%s: what was seen of its tools is not reported now: %s", server_id, problem)
            return
        catalog.reported(sighting, gate.monotonic())


def receipt_of(gate: Gate, sighting: Sighting, now: float) -> JsonObject:
    """The definition whole, or its size where it is too long."""
    return {**own_receipt(gate.config.enforcer_id, ReceiptType.DEFINITION, now), **sighting_part(_bounded(sighting))}


def _bounded(sighting: Sighting) -> Sighting:
    if sighting.definition is None:
        return sighting
    size = len(canonical(sighting.definition))
    return replace(sighting, size=size, definition=sighting.definition if size <= LONGEST else None)
