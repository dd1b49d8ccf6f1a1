"""The other end of one HTTP request: what it gets, an answer or a stream of events, and whether it is still there."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.answers import Answer
from enforcer.mcp.sse import KEEP_ALIVE, encode_event

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
# A buffering proxy would keep events until there are many of them.
_STREAM = (("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no"))


class Client:
    """Its request was read to the end. Sending waits while the client does not read; its connection bounds how long."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.streams = False
        self.sent = 0  # bytes of the stream

    async def gone(self) -> None:
        """Returns once the client has left."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def open_stream(self) -> None:
        """From here on there are events, and the answer is the last of them."""
        self.streams = True
        await self._send({"type": "http.response.start", "status": 200, "headers": _raw(_STREAM)})

    async def event(self, message: JsonObject) -> None:
        """One message of an open stream."""
        await self._chunk(encode_event(orjson.dumps(message)))

    async def keep_alive(self) -> None:
        """Nothing, said aloud: proxies end what is silent, and a client that left is found out."""
        await self._chunk(KEEP_ALIVE)

    async def answer(self, reply: Answer) -> None:
        """The end of this request: an answer by itself, or the last event of the stream that was opened."""
        if not self.streams:
            await send_answer(self._send, reply)
            return
        answers_a_request = reply.body is not None and reply.body.get("id") is not None
        last = encode_event(reply.encoded()) if answers_a_request else b""
        await self._send({"type": "http.response.body", "body": last})

    async def _chunk(self, raw: bytes) -> None:
        self.sent += len(raw)
        await self._send({"type": "http.response.body", "body": raw, "more_body": True})


async def send_answer(send: Send, reply: Answer) -> None:
    """Status, headers and body of one answer; nothing of it may be cached."""
    body = reply.encoded()
    headers = [*reply.headers, ("content-length", str(len(body))), ("cache-control", "no-store")]
    if body:
        headers.append(("content-type", "application/json"))
    await send({"type": "http.response.start", "status": reply.status, "headers": _raw(headers)})
    await send({"type": "http.response.body", "body": body})


def _raw(headers: "tuple[tuple[str, str], ...] | list[tuple[str, str]]") -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
