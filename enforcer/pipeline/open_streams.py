"""The streams that clients hold open: how many there may be, who is woken, who is told to end."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from enforcer.mcp.sessions import Principal, Session

MAX_STREAMS = 10_000  # of this process
MAX_OF_PRINCIPAL = 64  # at one server


@dataclass(slots=True, eq=False)
class OpenStream:
    """One of them. `ended` says why it is to end, empty until then."""

    server_id: str
    principal: Principal
    session: Session | None
    ended: str = ""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """What its client may see could be another list by now."""
        self._news.set()

    def end(self, why: str) -> None:
        """The first reason stays."""
        self.ended = self.ended or why
        self._news.set()

    async def news(self, within_s: float) -> bool:
        """Whether it was woken in that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()
        woken = self._news.is_set()
        self._news.clear()
        return woken


@dataclass(slots=True)
class Streams:
    """Everything open in this process."""

    _all: set[OpenStream] = field(default_factory=set)
    _closing: str = ""

    def open(self, server_id: str, principal: Principal, session: Session | None) -> OpenStream | None:
        """None where there are too many. A session has one: an older one, whose client may be long gone, ends."""
        own = [s for s in self._all if (s.server_id, s.principal) == (server_id, principal)]
        for older in own:
            if session is not None and older.session is session:
                older.end("another stream of the session took its place")
        if len(self._all) >= MAX_STREAMS or len(own) >= MAX_OF_PRINCIPAL:
            return None
        stream = OpenStream(server_id, principal, session, self._closing)
        self._all.add(stream)
        if session is not None:
            session.streams += 1
        return stream

    def close(self, stream: OpenStream, now: float) -> None:
        """It has ended. Its session was in use until `now`, wall-clock seconds."""
        self._all.discard(stream)
        if stream.session is not None:
            stream.session.streams -= 1
            stream.session.seen = max(stream.session.seen, now)

    def wake(self, server_id: str) -> None:
        """Policy or tools of this server have changed."""
        for stream in self._all:
            if stream.server_id == server_id:
                stream.wake()

    def end_session(self, session: Session) -> None:
        """A session is over, and its stream with it."""
        for stream in self._all:
            if stream.session is session:
                stream.end("the session ended")

    def end_all(self, why: str) -> None:
        """And every later one at once."""
        self._closing = why
        for stream in self._all:
            stream.end(why)

    def count(self, server_id: str) -> int:
        """How many a server has; from any thread."""
        return sum(1 for stream in tuple(self._all) if stream.server_id == server_id)
