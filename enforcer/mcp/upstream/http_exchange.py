"""The answer to one POST, or the stream of a session: JSON or SSE, whichever the upstream chose, as checked messages.

The response must carry the id that was sent; everything is counted against the request's byte budget.
"""

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.sse import SseParser
from enforcer.mcp.upstream.base import UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.shape import Kind, is_request, read

_DRAIN_S = 0.05
_UNAVAILABLE = frozenset({401, 403, 407, 408, 429})
_MAX_SESSION_ID = 1024


class HttpExchange:
    """See `base.Exchange`."""

    def __init__(self, response: aiohttp.ClientResponse, request: UpstreamRequest, deadline: float | None) -> None:
        self.session_id = request.session_id
        self._response = response
        self._request = request
        self._deadline = deadline
        self._budget = request.max_response_bytes
        self._complete = False

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return self._response.status

    async def __aiter__(self) -> AsyncIterator[JsonObject]:
        self._check_head()
        if not is_request(self._request.message):
            self._complete = True
            return
        messages = self._from_stream() if self._streams() else self._from_body()
        async for message in messages:
            yield message

    async def heard(self) -> AsyncIterator[JsonObject]:
        """Of a session's own stream: what the server says or asks unasked, until the stream ends."""
        self._check_head()
        if not self._streams():
            raise self._unusable("no stream")
        async for kind, message in self._events():
            if kind in ("notification", "request"):
                yield message

    async def drain(self) -> None:
        """Give the end of a complete answer a moment to arrive, so that the connection can serve the next call."""
        try:
            async with asyncio.timeout(_DRAIN_S):
                while self._complete and not self._response.content.at_eof():
                    await self._response.content.readany()
        except (TimeoutError, aiohttp.ClientError):
            return

    def _check_head(self) -> None:
        status = self.status
        if status == 404 and self._request.session_id is not None:
            raise UpstreamFailure("unavailable", "the upstream ended the session", session_lost=True)
        if 300 <= status < 400:
            raise UpstreamFailure("invalid", f"HTTP {status}: redirects are not followed")
        if self._response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise UpstreamFailure("invalid", "a compressed answer, which was not asked for")
        if (self._response.content_length or 0) > self._budget:
            raise self._too_large()

    def _streams(self) -> bool:
        return self._content_type() == "text/event-stream"

    def _content_type(self) -> str:
        return self._response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def _from_body(self) -> AsyncIterator[JsonObject]:
        if self._content_type() != "application/json":
            raise self._unusable(f"content type {self._content_type()[:80]!r}")
        body = b"".join([chunk async for chunk in self._chunks()])
        kind, message = self._checked(body)
        if kind not in ("response", "error"):
            raise self._unusable(f"a {kind} where the answer belongs")
        yield self._answer(message)

    async def _from_stream(self) -> AsyncIterator[JsonObject]:
        async for kind, message in self._events():
            if kind in ("response", "error"):
                yield self._answer(message)
                return
            yield message
        raise UpstreamFailure("unavailable", "the stream ended before the answer")

    async def _events(self) -> AsyncIterator[tuple[Kind, JsonObject]]:
        parser = SseParser()
        async for chunk in self._chunks():
            for event in parser.feed(chunk):
                if event.data and event.kind == "message":
                    yield self._checked(event.data)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while chunk := await self._read_some():
            self._budget -= len(chunk)
            if self._budget < 0:
                raise self._too_large()
            yield chunk

    async def _read_some(self) -> bytes:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._response.content.readany()
        except TimeoutError:
            raise UpstreamFailure("timeout", "the answer was not complete in time") from None
        except aiohttp.ClientError as error:
            raise UpstreamFailure("unavailable", f"broke off in the answer: {type(error).__name__}") from error

    def _checked(self, raw: bytes) -> tuple[Kind, JsonObject]:
        result = read(raw)
        if isinstance(result, str):
            raise self._unusable(result)
        return result

    def _answer(self, message: JsonObject) -> JsonObject:
        anonymous_error = "error" in message and message.get("id") is None and self.status >= 400
        if message.get("id") != self._request.message["id"] and not anonymous_error:
            raise UpstreamFailure("invalid", "an answer with another id")
        self._complete = True
        if self._request.message["method"] == "initialize" and "result" in message and self._response.ok:
            self.session_id = self._new_session_id()
        return message

    def _new_session_id(self) -> str | None:
        # Learnt from a 2xx answer to initialize alone: some servers send one with refusals that became no session.
        value = self._response.headers.get("Mcp-Session-Id")
        if value is None:
            return None
        if not 0 < len(value) <= _MAX_SESSION_ID or not all("!" <= character <= "~" for character in value):
            raise UpstreamFailure("invalid", "a session id that is not visible ASCII")
        return value

    def _unusable(self, detail: str) -> UpstreamFailure:
        """No JSON-RPC: the HTTP status says whether the upstream is away or broken."""
        away = self.status in _UNAVAILABLE or self.status >= 500
        return UpstreamFailure("unavailable" if away else "invalid", f"HTTP {self.status}: {detail}")

    def _too_large(self) -> UpstreamFailure:
        return UpstreamFailure("invalid", f"more than {self._request.max_response_bytes} bytes")
