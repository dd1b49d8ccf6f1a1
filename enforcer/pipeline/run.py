"""The way of a message: STAGES in order, the first answer wins, and the receipt is written outside of all of them.

Every way out, a crash of ours included, leaves exactly one receipt, durable before the answer leaves.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable

from enforcer.contract.reasons import ReasonCode
from enforcer.journal.problems import JournalUnavailable
from enforcer.mcp.answers import Answer, naming
from enforcer.mcp.requests import HttpRequest
from enforcer.observe import calls
from enforcer.pipeline import replies
from enforcer.pipeline.admit import admit_message, admit_transport
from enforcer.pipeline.client import Client
from enforcer.pipeline.credential import attach_credential
from enforcer.pipeline.decide import decide_again, decide_call
from enforcer.pipeline.forward import forward
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.identify import authenticate, require_policy
from enforcer.pipeline.intend import intend
from enforcer.pipeline.know_tools import know_tools
from enforcer.pipeline.listen import listen
from enforcer.pipeline.local import answer_locally
from enforcer.pipeline.observed import concluded, concluding
from enforcer.pipeline.prepare import prepare
from enforcer.pipeline.receipts import receipt_of
from enforcer.pipeline.trace import trace_of
from enforcer.pipeline.transaction import Outcome, Transaction, Verdict

log = logging.getLogger(__name__)

Stage = Callable[[Gate, Transaction], Awaitable[Answer | None]]

STAGES: tuple[Stage, ...] = (
    admit_transport,  # is it HTTP as this endpoint speaks it
    require_policy,  # is there a verified policy to decide by
    authenticate,  # who is calling
    admit_message,  # is it one message of one era, and does this gate pass its method
    decide_call,  # may the caller do this, with these arguments, now
    answer_locally,  # what never reaches the server
    attach_credential,  # which credential the server gets; never the client's
    know_tools,  # are the server's tools the ones that were declared
    prepare,  # cursors, headers of arguments, a session to open
    intend,  # the receipt's first half, durable
    decide_again,  # a kill that came meanwhile still counts
)


async def handle(gate: Gate, server_id: str, request: HttpRequest, client: Client) -> Answer:
    """One message in, one answer out, one receipt kept."""
    answer, _ = await conduct(gate, server_id, request, client)
    return answer


async def conduct(gate: Gate, server_id: str, request: HttpRequest, client: Client) -> tuple[Answer, Transaction]:
    """`handle`, and what was found out on the way."""
    tx = _begin(gate, server_id, request)
    named = calls.enter(tx)
    try:
        return await _answered(gate, tx, client), tx
    finally:
        calls.leave(tx, named)


async def _answered(gate: Gate, tx: Transaction, client: Client) -> Answer:
    try:
        answer = await _through(gate, tx, client)
    except asyncio.CancelledError:  # the gate is stopping
        _note_interruption(tx)
        return await asyncio.shield(_conclude(gate, tx, replies.interrupted(tx)))  # raising would be a bare 500
    except Exception:
        log.exception("receipt %s: refused because the gate failed", tx.receipt_id)
        _note_interruption(tx)
        tx.verdict = Verdict.deny(ReasonCode.DENY_INTERNAL_ERROR)
        answer = replies.internal(tx)
    return await _conclude(gate, tx, answer)


async def _through(gate: Gate, tx: Transaction, client: Client) -> Answer:
    for stage in STAGES:
        answer = await stage(gate, tx)
        if answer is not None:
            return answer
    if tx.flight is not None and tx.flight.is_stream:
        return await listen(gate, tx, client)
    return await forward(gate, tx, client)


async def _conclude(gate: Gate, tx: Transaction, answer: Answer) -> Answer:
    """The receipt, then the answer. Without the receipt the client gets a refusal, whatever the server said."""
    if tx.verdict is None:
        tx.verdict = Verdict.deny(ReasonCode.DENY_INTERNAL_ERROR)
    concluding(gate, tx)
    if tx.flight is not None:
        tx.flight.end()
    if tx.opening is not None and tx.opening.protocol_version is None:
        gate.sessions.end(tx.opening)  # a handshake that came to nothing leaves no session
    try:
        answer = await _kept(gate, tx, answer)
    except JournalUnavailable:
        log.error("receipt %s could not be written", tx.receipt_id)
        answer = replies.deny(gate, tx, Verdict.deny(ReasonCode.DENY_AUDIT_UNAVAILABLE))
    finally:
        if tx.flight is not None:
            gate.landed(tx.flight)
    concluded(gate, tx)
    return answer


async def _kept(gate: Gate, tx: Transaction, answer: Answer) -> Answer:
    """The answer once its receipt is durable: its own, or in a flood of messages from nobody the one in common."""
    gathering = gate.floods.join(tx, gate.monotonic())
    if gathering is None:
        await _record(gate, tx)
        return answer
    if gathering.receipt_id != tx.receipt_id:
        tx.recorded = await asyncio.shield(gathering.written)
        if tx.recorded is None:
            raise JournalUnavailable("the receipt in common could not be written")
        tx.receipt_id = gathering.receipt_id
        return naming(answer, tx.receipt_id)
    await gate.floods.gathered(gathering)
    tx.repeated = gathering.as_json()
    try:
        await _record(gate, tx)
    finally:  # whatever came of it: the others wait for it
        gathering.written.set_result(tx.recorded)
    return answer


async def _record(gate: Gate, tx: Transaction) -> None:
    try:
        tx.recorded = await gate.journal.record(receipt_of(gate, tx, now=gate.wall()))
    except ValueError as problem:
        log.error("receipt %s is written without arguments and facts: %s", tx.receipt_id, problem)
        try:
            tx.recorded = await gate.journal.record(receipt_of(gate, tx, now=gate.wall(), brief=True))
        except ValueError as again:
            raise JournalUnavailable(str(again)) from None


def _note_interruption(tx: Transaction) -> None:
    """What was about to be sent may have been."""
    if tx.flight is not None and tx.outcome is None:
        tx.outcome = Outcome("error", 0.0, detail="interrupted: effect unknown")


def _begin(gate: Gate, server_id: str, request: HttpRequest) -> Transaction:
    trace = trace_of(request)
    return Transaction(
        enforcer_id=gate.config.enforcer_id,
        server_id=server_id,
        request=request,
        receipt_id=str(uuid.uuid4()),
        trace_id=trace.trace_id,
        started=gate.wall(),
        trace=trace,
        began=gate.monotonic(),
    )
