"""The client on the other end of the pipes: every message to it is one line."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.answers import Answer
from enforcer.pipeline.client import Client

Write = Callable[[bytes], Awaitable[None]]


class LineClient(Client):
    """Of one request. `leave` is what closing the connection would be over HTTP."""

    def __init__(self, write: Write, *, answered: bool = True) -> None:
        """`answered`: False for a notification, whose refusal is in the receipt alone."""
        super().__init__(self._until_left, _nothing)
        self._write, self._answered, self._left = write, answered, asyncio.Event()

    def leave(self) -> None:
        """The client wants no answer any more."""
        self._left.set()

    async def open_stream(self) -> None:
        """Nothing has to be said before the first message."""
        self.streams = True

    async def event(self, message: JsonObject) -> None:
        """One line."""
        raw = orjson.dumps(message)
        self.sent += len(raw)
        await self._write(raw)

    async def keep_alive(self) -> None:
        """A pipe needs none."""

    async def answer(self, reply: Answer) -> None:
        """What has no body, an accepted notification, is no line; nothing is written to who has left."""
        if reply.body is not None and self._answered and not self._left.is_set():
            await self._write(reply.encoded())

    async def _until_left(self) -> MutableMapping[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}


async def _nothing(_message: MutableMapping[str, Any]) -> None:
    """All that is sent goes through the methods above."""
