"""A session of the handshake era lives in one worker, and the next request may reach another one: it is handed on.

One connection a request, over a Unix socket below `data_dir`. The request goes as it came, with every header line, so
that the worker that has the session judges what the client sent and not what somebody made of it.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from enforcer.link.wire import Channel, Frame
from enforcer.mcp.answers import Answer
from enforcer.mcp.ids import worker_of
from enforcer.mcp.legacy import SESSION_HEADER
from enforcer.mcp.requests import HttpRequest
from enforcer.pipeline.client import Receive, Send, send_answer
from enforcer.process import GRACE_S

NAME = "relay.sock"
Serve = Callable[[str, HttpRequest, Receive, Send], Awaitable[None]]


class HandedOn(Frame, frozen=True, kw_only=True):
    """A request that another worker read."""

    server_id: str
    method: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    peer: str


class Begins(Frame, frozen=True, kw_only=True):
    """The status and headers of the answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]


class Part(Frame, frozen=True, kw_only=True):
    """Some of the answer's body."""

    body: bytes
    more: bool


_REQUESTS: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(HandedOn)
_ANSWERS: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Begins | Part)


class Relay:
    """Of one worker; `directory` holds a directory for each number."""

    def __init__(self, number: int, directory: Path) -> None:
        self._number, self._directory = number, directory
        self._answering: set[asyncio.Task[None]] = set()

    async def forward(self, server_id: str, request: HttpRequest, receive: Receive, send: Send) -> bool:
        """Whether another worker answered. Where the one named is gone, so is the session: the gate here says so."""
        given = request.one(SESSION_HEADER)
        owner = worker_of(given) if isinstance(given, str) else 0
        if owner in (0, self._number):
            return False
        channel = await _connected(self._directory / str(owner))
        if channel is None:
            return False
        try:
            channel.send(
                HandedOn(
                    server_id=server_id,
                    method=request.method,
                    path=request.path,
                    query=request.query,
                    headers=request.headers,
                    body=request.body,
                    peer=request.peer,
                )
            )
            await _pass_on(channel, receive, send)
        finally:
            channel.close()
        return True

    @asynccontextmanager
    async def serving(self, serve: Serve) -> AsyncIterator[None]:
        """Take what other workers hand on, as long as the block lasts; what was begun then has `GRACE_S` to end."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._answering.add(task)
            try:
                await _answer(Channel(reader, writer), serve)
            finally:
                self._answering.discard(task)

        with _listening(self._directory / str(self._number)) as listening:
            server = await asyncio.start_unix_server(answer, sock=listening)
            try:
                yield
            finally:
                server.close()
                await _ended(self._answering)


async def _pass_on(channel: Channel, receive: Receive, send: Send) -> None:
    begun = ended = False
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(_close_when_gone(receive, channel))
        async for frame in channel.frames(_ANSWERS):
            if isinstance(frame, Begins):
                begun = True
                await send({"type": "http.response.start", "status": frame.status, "headers": list(frame.headers)})
            elif isinstance(frame, Part):
                ended = not frame.more
                await send({"type": "http.response.body", "body": frame.body, "more_body": frame.more})
        watching.cancel()
    if not begun:
        await send_answer(send, Answer(502))
    elif not ended:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _close_when_gone(receive: Receive, channel: Channel) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    channel.close()


async def _ended(tasks: set["asyncio.Task[None]"]) -> None:
    if tasks:
        await asyncio.wait(set(tasks), timeout=GRACE_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(channel: Channel, serve: Serve) -> None:
    """One request of another worker, and its answer as it comes."""
    frames = channel.frames(_REQUESTS)
    try:
        async for frame in frames:
            assert isinstance(frame, HandedOn)
            request = HttpRequest(frame.method, frame.path, frame.query, frame.headers, frame.body, frame.peer)

            async def receive() -> MutableMapping[str, Any]:
                async for _ in frames:
                    pass
                return {"type": "http.disconnect"}

            await serve(frame.server_id, request, receive, _Sending(channel))
            return
    finally:
        await channel.end()


class _Sending:
    """ASGI's `send` into a channel, which waits while the other side doesn't read."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._channel.send(Begins(status=message["status"], headers=tuple(map(tuple, message["headers"]))))
        else:
            self._channel.send(Part(body=message.get("body", b""), more=message.get("more_body", False)))
        with suppress(OSError):  # the client has left: whoever listens to `receive` hears of it
            await self._channel.drain()


def _listening(home: Path) -> socket.socket:
    """By way of the directory's descriptor: the path of a socket ends at 107 characters."""
    (home / NAME).unlink(missing_ok=True)
    found, directory = socket.socket(socket.AF_UNIX), os.open(home, os.O_PATH)
    try:
        found.bind(f"/proc/self/fd/{directory}/{NAME}")
        found.listen(1024)
    finally:
        os.close(directory)
    return found


async def _connected(home: Path) -> Channel | None:
    """None where nobody listens."""
    tried = socket.socket(socket.AF_UNIX)
    tried.setblocking(False)
    try:
        directory = os.open(home, os.O_PATH)
        try:
            tried.connect(f"/proc/self/fd/{directory}/{NAME}")
        finally:
            os.close(directory)
        return await Channel.over(tried)
    except OSError:
        tried.close()
        return None
