"""Stage: before a tool of a server is called for the first time, the gate lists the server's tools itself.

What it sees is held against the declared or pinned definitions; a list that can't be had means that nothing is called.
"""

import asyncio
import logging
from dataclasses import replace

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp import answers
from enforcer.mcp.answers import Answer
from enforcer.mcp.eras import LATEST_HANDSHAKE, LATEST_MODERN, Era
from enforcer.mcp.ids import new_request_id
from enforcer.mcp.methods import Treatment
from enforcer.mcp.outbound import answer_to_server, message, own_request, upstream_headers
from enforcer.mcp.upstream.base import Upstream, UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.shape import encode, is_request
from enforcer.pipeline.catalog import Catalog
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction

log = logging.getLogger(__name__)
OWNER = "the gate itself"
MAX_PAGES = 100
TIMEOUT_S = 30.0  # for the whole list


async def know_tools(gate: Gate, tx: Transaction) -> Answer | None:
    """Only for calls, and only once; concurrent first calls list together."""
    assert tx.admitted is not None
    assert tx.policy is not None
    catalog = gate.catalog(tx.server_id)
    if tx.admitted.treatment is not Treatment.CALL or catalog.listed():
        return None
    tries = catalog.tries
    async with catalog.listing:
        if not catalog.listed() and catalog.tries == tries:
            catalog.failure = await _learn(gate, tx, catalog)
            catalog.tries += 1
        failure = catalog.failure
    if catalog.listed() or failure is None:
        return None
    assert tx.verdict is not None
    tx.verdict = replace(tx.verdict, detail=f"not sent: its tools can't be listed, upstream_{failure.kind}")
    return answers.failed(tx.admitted, failure.kind, tx.receipt_id)


async def _learn(gate: Gate, tx: Transaction, catalog: Catalog) -> UpstreamFailure | None:
    """One try, by the newest policy; why it failed."""
    policy = gate.link.current(tx.server_id)
    if policy is None:
        return UpstreamFailure("unavailable", "there is no policy any more", sent=False)
    snapshot = policy.index.snapshot
    try:
        async with asyncio.timeout(TIMEOUT_S):
            upstream = await gate.servers[tx.server_id].upstream(snapshot)
            definitions = await _list(upstream, snapshot.server.limits.max_response_bytes)
    except TimeoutError:
        failure = UpstreamFailure("timeout", f"no whole list within {TIMEOUT_S:g} s")
    except UpstreamFailure as problem:
        failure = problem
    else:
        catalog.learn(policy.index, definitions)
        return None
    gate.metrics.upstream_failures.labels(tx.server_id, f"upstream_{failure.kind}").inc()
    log.warning("%s: its tools can't be listed: %s", tx.server_id, failure)
    return failure


async def _list(upstream: Upstream, max_bytes: int) -> list[JsonObject]:
    """All pages, in the modern era where the server speaks it, else after a handshake."""
    lister = _Lister(upstream, max_bytes)
    try:
        return await lister.all_pages("modern", None)
    except UpstreamFailure as failure:
        if failure.kind != "invalid":
            raise
    session_id = await lister.handshake()
    return await lister.all_pages("legacy", session_id)


class _Lister:
    def __init__(self, upstream: Upstream, max_bytes: int) -> None:
        self._upstream, self._max_bytes = upstream, max_bytes

    async def all_pages(self, era: Era, session_id: str | None) -> list[JsonObject]:
        found: list[JsonObject] = []
        cursor: JsonObject = {}
        seen: set[str] = set()
        left = self._max_bytes
        for _ in range(MAX_PAGES):
            result = await self._ask(era, "tools/list", session_id, cursor)
            tools = result.get("tools")
            if not isinstance(tools, list):
                raise UpstreamFailure("invalid", "tools is no list")
            left -= len(encode(result))
            if left < 0:
                raise UpstreamFailure("invalid", f"more than {self._max_bytes} bytes of tools")
            found += [tool for tool in tools if isinstance(tool, dict)]
            following = result.get("nextCursor")
            if following is None:
                return found
            if not isinstance(following, str) or following in seen:
                raise UpstreamFailure("invalid", "the cursors go in a circle")
            seen.add(following)
            cursor = {"cursor": following}
        raise UpstreamFailure("invalid", f"more than {MAX_PAGES} pages of tools")

    async def handshake(self) -> str | None:
        request = own_request("legacy", "initialize", upstream_id=new_request_id())
        _, session_id = await self._exchange("legacy", request, None)
        await self._exchange("legacy", message("notifications/initialized", {}, None), session_id)
        return session_id

    async def _ask(self, era: Era, method: str, session_id: str | None, params: JsonObject) -> JsonObject:
        request = own_request(era, method, upstream_id=new_request_id(), params=params)
        answer, _ = await self._exchange(era, request, session_id)
        result = answer.get("result") if answer else None
        if not isinstance(result, dict):
            raise UpstreamFailure("invalid", f"no result of {method}")
        return result

    async def _exchange(
        self, era: Era, outgoing: JsonObject, session_id: str | None
    ) -> tuple[JsonObject | None, str | None]:
        request = self._request(era, outgoing, session_id)
        answer: JsonObject | None = None
        async with self._upstream.exchange(request) as exchange:
            async for incoming in exchange:
                if is_request(incoming):
                    await self._exchange(era, answer_to_server(incoming), session_id)
                elif "method" not in incoming:
                    answer = incoming
            return answer, exchange.session_id

    def _request(self, era: Era, outgoing: JsonObject, session_id: str | None) -> UpstreamRequest:
        return UpstreamRequest(
            message=outgoing,
            owner=f"{OWNER}, {era}",
            protocol_version=LATEST_MODERN if era == "modern" else LATEST_HANDSHAKE,
            timeout_s=TIMEOUT_S,
            max_response_bytes=self._max_bytes,
            headers=upstream_headers(era, outgoing) if "method" in outgoing else (),
            session_id=session_id,
        )
