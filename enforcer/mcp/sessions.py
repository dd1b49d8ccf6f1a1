"""Sessions of the handshake era: ours towards the client, with the upstream's kept behind it.

A session belongs to one principal at one server; for anybody else it does not exist. It never authenticates.
No clock and no I/O: `now` is wall-clock seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from enforcer.mcp.faults import RequestId
from enforcer.mcp.ids import new_session_id

Principal = tuple[str, str]  # issuer, subject
Sight = frozenset[tuple[str, str | None]]  # what a caller is shown: tool, hash of its definition


@dataclass(slots=True, eq=False)
class Session:
    """`protocol_version` is what the upstream answered; without one the handshake is still on its way."""

    id: str
    server_id: str
    principal: Principal
    seen: float
    protocol_version: str | None = None
    upstream_session_id: str | None = field(default=None, repr=False)
    in_flight: dict[RequestId, str] = field(default_factory=dict)  # the client's id -> ours at the upstream
    streams: int = 0  # open ones
    sight: Sight | None = None  # as the last stream saw it

    @property
    def owner(self) -> str:
        """Key of what an upstream keeps for this session alone."""
        return f"session {self.id}"


class Sessions:
    """All sessions of this process. `on_end` hears of each end, whatever the cause."""

    def __init__(
        self,
        *,
        on_end: Callable[[Session], None],
        idle_s: float = 1800.0,
        max_per_principal: int = 32,
        worker: int = 0,
    ) -> None:
        self._on_end = on_end
        self._idle_s = idle_s
        self._max = max_per_principal
        self._worker = worker
        self._sessions: dict[str, Session] = {}  # the longest unused first

    def __len__(self) -> int:
        return len(self._sessions)

    def count(self, server_id: str) -> int:
        """How many of a server are open."""
        return sum(1 for session in self._sessions.values() if session.server_id == server_id)

    def open(self, principal: Principal, server_id: str, now: float) -> Session:
        """A new one, found only once it is `established`. Over the bound the principal's longest unused ends."""
        self.expire(now)
        own = [s for s in self._sessions.values() if s.principal == principal and s.server_id == server_id]
        if len(own) >= self._max:
            self.end(own[0])
        session = Session(new_session_id(self._worker), server_id, principal, now)
        self._sessions[session.id] = session
        return session

    def established(self, session: Session, *, protocol_version: str, upstream_session_id: str | None) -> None:
        """The upstream has answered `initialize`: from now on the session can be used."""
        session.protocol_version = protocol_version
        session.upstream_session_id = upstream_session_id

    def find(self, session_id: str, principal: Principal, server_id: str, now: float) -> Session | None:
        """The principal's own, in use until `now`; a stranger's is as unknown as one that never was."""
        self.expire(now)
        session = self._sessions.get(session_id)
        if session is None or (session.principal, session.server_id) != (principal, server_id):
            return None
        if session.protocol_version is None:
            return None
        session.seen = now
        self._sessions[session_id] = self._sessions.pop(session_id)
        return session

    def end(self, session: Session) -> None:
        """It is over; ending it again changes nothing."""
        if self._sessions.pop(session.id, None) is not None:
            self._on_end(session)

    def expire(self, now: float) -> None:
        """End those that nobody has used for the idle time, that wait for nothing and have no stream open."""
        for session in list(self._sessions.values()):
            if now - session.seen <= self._idle_s:
                return
            if not session.in_flight and not session.streams:
                self.end(session)
