"""What the link process and its workers tell one another, over a pair of sockets that nobody else has.

A frame is four bytes of length, big-endian, and MessagePack. Both ends are the same program at the same version.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from enforcer.contract.fleet import ServerState
from enforcer.link.clocks import Instant
from enforcer.link.local_stop import Stop

MAX_FRAME = 64 * 1024 * 1024
READ_AHEAD = 1024 * 1024
MAX_UNREAD = 64 * 1024 * 1024  # bytes that the other side may leave unread before it counts as lost


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One of those below."""


class Welcome(Frame, frozen=True, kw_only=True):
    """The first to a worker. `cursor_key` seals the cursors of all workers."""

    cursor_key: bytes


class News(Frame, frozen=True, kw_only=True):
    """Of one server: the documents that are others than those told before; the hashes of the pair in force."""

    server_id: str
    in_force: bool
    counts: bool
    keys: bytes | None = None
    lease: bytes | None = None
    incident: bytes | None = None
    snapshot: bytes | None = None
    arrived: Instant | None = None
    hashes: tuple[str, str] = ("", "")
    news: Mapping[str, float] = {}
    problems: tuple[str, ...] = ()
    greatest_wall: float = 0.0


class HostWord(Frame, frozen=True, kw_only=True):
    """Who stopped the enforcer on its host, or let it go."""

    stop: Stop | None


class Acknowledged(Frame, frozen=True, kw_only=True):
    """An ack envelope, unverified."""

    envelope: bytes


class Counted(Frame, frozen=True, kw_only=True):
    """Tokens before the call, or whether the call fitted."""

    ask: int
    left: dict[str, float] = {}
    taken: bool = False


class Show(Frame, frozen=True, kw_only=True):
    """A worker shall say how it stands."""

    ask: int
    what: str


class Standing(Frame, frozen=True, kw_only=True):
    """How a worker stands: what it has in force of each server, empty hashes for nothing, and whose word it follows."""

    servers: dict[str, ServerState]
    stop: Stop | None
    journal_depth: int
    warnings: tuple[str, ...]
    ready: bool


class Count(Frame, frozen=True, kw_only=True):
    """A worker asks for tokens of rates that all workers share. `rates`: name → (count, period in seconds)."""

    ask: int
    act: str  # left, take, give_back
    server_id: str
    issuer: str
    subject: str
    rates: dict[str, tuple[int, float]]


class Shown(Frame, frozen=True, kw_only=True):
    """What was asked for."""

    ask: int
    ready: bool = False
    report: dict[str, Any] = {}
    text: str = ""


ToWorker = Welcome | News | HostWord | Acknowledged | Counted | Show
ToLink = Standing | Count | Shown
TO_WORKER: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(ToWorker)
TO_LINK: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(ToLink)
_encoder = msgspec.msgpack.Encoder()


class Channel:
    """One end. Sending never waits; whoever doesn't read for too long is cut off."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, own: socket.socket) -> "Channel":
        """Of this end of the pair."""
        own.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=own, limit=READ_AHEAD))

    def send(self, frame: Frame) -> None:
        """Soon; nothing once the other side is gone."""
        if self._writer.is_closing():
            return
        raw = _encoder.encode(frame)
        self._writer.write(len(raw).to_bytes(4, "big") + raw)
        if self._writer.transport.get_write_buffer_size() > MAX_UNREAD:
            self._writer.transport.abort()

    async def drain(self) -> None:
        """Wait until the other side has read most of it; raises `OSError` once it is gone."""
        await self._writer.drain()

    async def frames(self, kind: msgspec.msgpack.Decoder[Frame]) -> AsyncIterator[Frame]:
        """Until the other side is gone."""
        while True:
            try:
                size = int.from_bytes(await self._reader.readexactly(4), "big")
                if size > MAX_FRAME:
                    return
                raw = await self._reader.readexactly(size)
            except (asyncio.IncompleteReadError, OSError):
                return
            try:
                frame = kind.decode(raw)
            except msgspec.DecodeError:  # another version of this program: what is lost counts as gone
                return
            yield frame

    async def end(self) -> None:
        """Once what was sent has been taken, or the other side is gone."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def close(self) -> None:
        """At once."""
        self._writer.transport.abort()
