"""Hears from a server behind a URL that its list of tools has changed, so that a change is looked at within a second.

The modern era has `subscriptions/listen`, the handshake era a session's GET stream (MCP_WIRE sections 3.2 and 11.4). A
server need not offer either; the timer of `watch` finds every change all the same. Processes say it on their own.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from enforcer.contract.strict_json import JsonObject
from enforcer.discovery.lister import Lister, request_of
from enforcer.mcp.ids import new_request_id
from enforcer.mcp.outbound import answer_to_server, own_request
from enforcer.mcp.upstream.base import UpstreamFailure
from enforcer.mcp.upstream.http import HttpUpstream
from enforcer.mcp.upstream.shape import TOOLS_CHANGED, is_request
from enforcer.pipeline.gate import Gate
from enforcer.policy.credential import credential_refusal

log = logging.getLogger(__name__)
TURN_S = 0.2
AGAIN_S = 5.0  # after a stream that broke
ANSWER_S = 5.0  # for what the server asked
NOT_OFFERED_S = 300.0
MAX_BYTES = 1_000_000  # of one stream; then it is opened anew


async def hear(gate: Gate, server_id: str) -> None:
    """Until cancelled, or the server is none behind a URL. A bug here ends nothing: the timer looks all the same."""
    while True:
        try:
            return await _turns(gate, server_id)
        except Exception:  # the outermost place of this loop; everything expected is caught inside
            log.exception("hearing from %s failed and starts again", server_id)
        await asyncio.sleep(AGAIN_S)


async def _turns(gate: Gate, server_id: str) -> None:
    catalog, lister = gate.catalog(server_id), gate.lister(server_id)
    while True:
        policy = gate.link.current(server_id)
        if policy is None or not _may_speak(gate, server_id) or not catalog.listed() or lister.era is None:
            await asyncio.sleep(TURN_S)
            continue
        try:
            upstream = await gate.servers[server_id].upstream(policy)
            if not isinstance(upstream, HttpUpstream):
                return
            offered = await _one_stream(upstream, lister, catalog.wanted, partial(_may_speak, gate, server_id))
        except UpstreamFailure as failure:
            offered = failure.kind != "invalid"
            log.info("%s: its own word that its tools changed can't be heard now: %s", server_id, failure)
        pause_s = AGAIN_S if offered else NOT_OFFERED_S
        await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load
        if offered:
            catalog.wanted.set()  # what it said meanwhile nobody heard


def _may_speak(gate: Gate, server_id: str) -> bool:
    """Nothing at all is sent to a server for which nobody chose a credential (CONTRACTS section 5)."""
    policy = gate.link.current(server_id)
    return policy is not None and credential_refusal(policy.index) is None


async def _one_stream(
    upstream: HttpUpstream, lister: Lister, wanted: asyncio.Event, may_speak: Callable[[], bool]
) -> bool:
    """Until it ends, or the gate may say nothing there any more; false where the server doesn't offer any."""
    async with _stream(upstream, lister) as messages:
        async for said in messages:
            if not may_speak():
                return True
            if said.get("method") == TOOLS_CHANGED:
                wanted.set()
            elif is_request(said):
                await _answer(upstream, lister, said)
            elif "error" in said:
                return False
    return True


@asynccontextmanager
async def _stream(upstream: HttpUpstream, lister: Lister) -> AsyncIterator[AsyncIterator[JsonObject]]:
    if lister.era == "modern":
        asked = own_request(
            "modern",
            "subscriptions/listen",
            upstream_id=new_request_id(),
            params={"notifications": {"toolsListChanged": True}},
        )
        async with upstream.exchange(request_of("modern", asked, None, timeout_s=None, max_bytes=MAX_BYTES)) as answer:
            yield aiter(answer)
    else:
        unsent = own_request("legacy", "ping", upstream_id=new_request_id())
        asked_for = request_of("legacy", unsent, lister.session_id, timeout_s=None, max_bytes=MAX_BYTES)
        async with upstream.session_stream(asked_for) as messages:
            yield messages


async def _answer(upstream: HttpUpstream, lister: Lister, asked: JsonObject) -> None:
    """A ping is answered, all else does not exist here."""
    era = lister.era or "legacy"
    answer = request_of(era, answer_to_server(asked), lister.session_id, timeout_s=ANSWER_S, max_bytes=MAX_BYTES)
    async with upstream.exchange(answer) as exchange:
        async for _ in exchange:
            pass
