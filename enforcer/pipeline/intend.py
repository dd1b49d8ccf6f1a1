"""Stage: the intent, durable before anything is sent. From here on the message counts as in flight."""

import asyncio

from enforcer.contract.reasons import ReasonCode
from enforcer.journal.problems import JournalUnavailable
from enforcer.mcp.answers import Answer
from enforcer.mcp.ids import new_request_id
from enforcer.mcp.methods import Treatment
from enforcer.pipeline import replies
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.inflight import Flight
from enforcer.pipeline.receipts import receipt_of
from enforcer.pipeline.transaction import Transaction, Verdict


async def intend(gate: Gate, tx: Transaction) -> Answer | None:
    """If the journal can't take it, nothing is sent."""
    task = asyncio.current_task()
    assert task is not None
    assert tx.facts is not None
    is_stream = tx.admitted is not None and tx.admitted.treatment is Treatment.LISTEN
    tx.flight = Flight(tx.call, tx.facts, task, new_request_id(), is_stream)
    gate.flights.enter(tx.flight)
    try:
        await gate.journal.intend(receipt_of(gate, tx, now=gate.wall()))
    except JournalUnavailable:
        return replies.deny(gate, tx, Verdict.deny(ReasonCode.DENY_AUDIT_UNAVAILABLE))
    except ValueError:  # larger than any receipt may be
        return replies.deny(gate, tx, Verdict.deny(ReasonCode.DENY_PAYLOAD_TOO_LARGE))
    except asyncio.CancelledError:
        if tx.flight.stopped is None:
            raise
        tx.flight.end()
        return replies.deny(gate, tx, Verdict.of(tx.flight.stopped))
    return None
