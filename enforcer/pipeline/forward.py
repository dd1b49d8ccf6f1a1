"""Stage: the message goes to the server, once, and its answer comes back. Nothing is ever sent a second time."""

import asyncio
from collections.abc import Callable

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp import answers
from enforcer.mcp.answers import Answer
from enforcer.mcp.methods import Treatment
from enforcer.mcp.outbound import answer_to_server, outbound, upstream_headers
from enforcer.mcp.param_headers import header_params
from enforcer.mcp.upstream.base import Upstream, UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.shape import TOOLS_CHANGED, is_request
from enforcer.pipeline import replies
from enforcer.pipeline.client import Client
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.results import Status, answer_of
from enforcer.pipeline.transaction import Outcome, Transaction, Verdict

Back = tuple[JsonObject | None, str | None]  # the response, none for a notification; the upstream's session id


async def forward(gate: Gate, tx: Transaction, client: Client) -> Answer:
    """What the client gets; `tx.outcome` says what came of it."""
    assert tx.admitted is not None
    assert tx.flight is not None
    started = gate.monotonic()
    status: Status = "error"
    detail, size = "", 0
    try:
        incoming, session_id = await _watched(gate, tx, client)
        answer, status, detail = answer_of(gate, tx, incoming, session_id)
        size = len(answer.encoded())
        return answer
    except UpstreamFailure as failure:
        status = "timeout" if failure.kind == "timeout" else "error"
        detail = failure.outcome
        return _lost(gate, tx, failure)
    except asyncio.CancelledError:
        detail = "interrupted: effect unknown"
        if not tx.flight.over:
            raise
        return _stopped(gate, tx)
    finally:
        tx.flight.end()
        tx.outcome = Outcome(status, gate.monotonic() - started, size, detail)


async def _watched(gate: Gate, tx: Transaction, client: Client) -> Back:
    """In the modern era a client that goes away has cancelled (MCP_WIRE section 3); in the handshake era it has not."""
    assert tx.admitted is not None
    if tx.admitted.era == "legacy":
        return await _send(gate, tx)
    async with asyncio.TaskGroup() as tasks:
        watcher = tasks.create_task(_abandon_when_gone(tx, client))
        try:
            came: Back | UpstreamFailure = await _send(gate, tx)
        except UpstreamFailure as failure:  # held back here: leaving the group it would come wrapped, as another error
            came = failure
        finally:
            watcher.cancel()
    if isinstance(came, UpstreamFailure):
        raise came
    return came


async def _abandon_when_gone(tx: Transaction, client: Client) -> None:
    assert tx.flight is not None
    await client.gone()
    tx.flight.abandon()


async def _send(gate: Gate, tx: Transaction) -> Back:
    assert tx.policy is not None
    assert tx.admitted is not None
    assert tx.flight is not None
    session, client_id = tx.admitted.session, tx.admitted.id
    if session is not None and client_id is not None:
        session.in_flight[client_id] = tx.flight.upstream_id
    try:
        # The launch and the server's own questions count too.
        async with asyncio.timeout(gate.limits(tx.server_id).timeout_s):
            upstream = await gate.servers[tx.server_id].upstream(tx.policy)
            return await _exchange(upstream, _request(gate, tx), gate.catalog(tx.server_id).wanted.set)
    except TimeoutError:
        raise UpstreamFailure("timeout", "no answer in time") from None
    finally:
        if session is not None and client_id is not None:
            session.in_flight.pop(client_id, None)


async def _exchange(upstream: Upstream, request: UpstreamRequest, list_changed: Callable[[], None]) -> Back:
    response: JsonObject | None = None
    async with upstream.exchange(request) as exchange:
        async for incoming in exchange:
            if is_request(incoming):
                await _answer_server(upstream, request, incoming)
            elif "method" not in incoming:
                response = incoming
            elif incoming["method"] == TOOLS_CHANGED:
                list_changed()
        return response, exchange.session_id


async def _answer_server(upstream: Upstream, request: UpstreamRequest, incoming: JsonObject) -> None:
    back = UpstreamRequest(
        message=answer_to_server(incoming),
        owner=request.owner,
        protocol_version=request.protocol_version,
        timeout_s=request.timeout_s,
        max_response_bytes=request.max_response_bytes,
        session_id=request.session_id,
    )
    async with upstream.exchange(back) as exchange:
        async for _ in exchange:
            pass


def _request(gate: Gate, tx: Transaction) -> UpstreamRequest:
    assert tx.admitted is not None
    assert tx.flight is not None
    admitted, limits = tx.admitted, gate.limits(tx.server_id)
    upstream_id = tx.flight.upstream_id if admitted.kind == "request" else None
    trace = tx.trace.onward() if tx.trace else {}
    # `initialize` is the one request for which a server may not know `_meta`
    told = trace if upstream_id and admitted.treatment is not Treatment.OPEN else {}
    message = outbound(admitted, upstream_id=upstream_id, cursor=tx.upstream_cursor, trace=told)
    session = admitted.session
    return UpstreamRequest(
        message=message,
        owner=tx.owner,
        protocol_version=admitted.protocol_version,
        timeout_s=limits.timeout_s,
        max_response_bytes=limits.max_response_bytes,
        headers=(*upstream_headers(admitted.era, message, header_params(tx.input_schema) or ()), *trace.items()),
        session_id=session.upstream_session_id if session else None,
    )


def _lost(gate: Gate, tx: Transaction, failure: UpstreamFailure) -> Answer:
    assert tx.admitted is not None
    session = tx.admitted.session
    if session is not None and failure.session_lost:
        gate.sessions.end(session)
    return answers.failed(tx.admitted, failure.kind, tx.receipt_id)


def _stopped(gate: Gate, tx: Transaction) -> Answer:
    assert tx.flight is not None
    if tx.flight.stopped is not None:
        return replies.deny(gate, tx, Verdict.of(tx.flight.stopped))
    assert tx.admitted is not None
    return answers.failed(tx.admitted, "unavailable", tx.receipt_id)
