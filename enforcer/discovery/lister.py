"""The gate's own `tools/list`: all pages, within bounds, in the modern era where the server speaks it.

Era and session are remembered from one list to the next, so that a server is not asked to begin anew each time.
"""

from dataclasses import dataclass

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.eras import LATEST_HANDSHAKE, LATEST_MODERN, Era
from enforcer.mcp.ids import new_request_id
from enforcer.mcp.outbound import answer_to_server, message, own_request, upstream_headers
from enforcer.mcp.upstream.base import Upstream, UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.shape import encode, is_request

OWNER = "the gate itself"
MAX_PAGES = 100
TIMEOUT_S = 30.0  # for the whole list


@dataclass(slots=True)
class Lister:
    """Of one server; one list at a time."""

    era: Era | None = None
    session_id: str | None = None

    async def all_tools(self, upstream: Upstream, max_bytes: int) -> list[JsonObject]:
        """Every definition, as sent. Raises `UpstreamFailure`."""
        asking = _Asking(upstream, max_bytes)
        if self.era != "legacy":
            try:
                found = await asking.all_pages("modern", None)
            except UpstreamFailure as failure:
                if failure.kind != "invalid" or self.era == "modern":
                    self.era = None
                    raise
            else:
                self.era = "modern"
                return found
        return await self._legacy(asking)

    async def _legacy(self, asking: "_Asking") -> list[JsonObject]:
        if self.era == "legacy":
            try:
                return await asking.all_pages("legacy", self.session_id)
            except UpstreamFailure as failure:
                self._forget(asking)
                if not failure.session_lost:
                    raise
        self.session_id = await asking.handshake()
        try:
            found = await asking.all_pages("legacy", self.session_id)
        except UpstreamFailure:
            self._forget(asking)
            raise
        self.era = "legacy"
        return found

    def _forget(self, asking: "_Asking") -> None:
        self.era, self.session_id = None, None
        asking.release()


class _Asking:
    def __init__(self, upstream: Upstream, max_bytes: int) -> None:
        self._upstream, self._max_bytes = upstream, max_bytes

    def release(self) -> None:
        self._upstream.release(_owner("legacy"))

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
        request = request_of(era, outgoing, session_id, timeout_s=TIMEOUT_S, max_bytes=self._max_bytes)
        answer: JsonObject | None = None
        async with self._upstream.exchange(request) as exchange:
            async for incoming in exchange:
                if is_request(incoming):
                    await self._exchange(era, answer_to_server(incoming), session_id)
                elif "method" not in incoming:
                    answer = incoming
            return answer, exchange.session_id


def request_of(
    era: Era, outgoing: JsonObject, session_id: str | None, *, timeout_s: float | None, max_bytes: int
) -> UpstreamRequest:
    """A message of the gate's own, on its way to the server."""
    return UpstreamRequest(
        message=outgoing,
        owner=_owner(era),
        protocol_version=LATEST_MODERN if era == "modern" else LATEST_HANDSHAKE,
        timeout_s=timeout_s,
        max_response_bytes=max_bytes,
        headers=upstream_headers(era, outgoing) if "method" in outgoing else (),
        session_id=session_id,
    )


def _owner(era: Era) -> str:
    return f"{OWNER}, {era}"
