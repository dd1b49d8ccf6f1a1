"""What every upstream offers: one request in, its messages out, the response last."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from enforcer.contract.strict_json import JsonObject

Era = Literal["modern", "legacy"]  # 2026-07-28, and the handshake revisions before it (MCP_WIRE section 1)
FailureKind = Literal["unavailable", "invalid", "timeout"]  # becomes data.reason upstream_<kind>


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One JSON-RPC request, notification or response to send, with everything that goes along.

    `message`: whole, with the enforcer's own ids and progress tokens (strings, unique in the process).
    `owner`: a principal's key (modern) or a session's (legacy); two owners never share a stdio child.
    `timeout_s`: until the response is there; None for a subscription, which has no end.
    `max_response_bytes`: all messages of the exchange together.
    `headers`: credential, Mcp-Method, Mcp-Name, Mcp-Param-*: made by the enforcer, never copied.
    `session_id`: the upstream's own, as an `Exchange` told it; clients never see it.
    """

    message: JsonObject
    owner: str
    protocol_version: str
    timeout_s: float | None
    max_response_bytes: int
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    session_id: str | None = field(default=None, repr=False)


class UpstreamFailure(Exception):  # noqa: N818 - a failure of theirs, not an error of ours
    """No answer that can be used. `detail` is for our log alone and may hold the upstream's text, escaped."""

    def __init__(self, kind: FailureKind, detail: str, *, sent: bool = True, session_lost: bool = False) -> None:
        super().__init__(f"upstream_{kind}: {detail}")
        self.kind: FailureKind = kind
        self.detail = detail
        self.outcome = f"upstream_{kind}" + ("" if sent else ": not sent")  # for the receipt
        self.sent = sent  # False only where certainly nothing reached the upstream
        self.session_lost = (
            session_lost  # the upstream no longer knows `session_id`: the client's session ends with 404
        )


class Exchange(Protocol):
    """The way back of one request. Iterating raises `UpstreamFailure`."""

    @property
    def status(self) -> int:
        """HTTP status; over stdio always 200."""

    @property
    def session_id(self) -> str | None:
        """The upstream's session: set once a successful answer to `initialize` has been seen."""

    def __aiter__(self) -> AsyncIterator[JsonObject]:
        """Notifications and server requests as they come, then the response; nothing after a notification was sent."""


class Upstream(Protocol):
    """A server behind the enforcer."""

    def exchange(self, request: UpstreamRequest) -> AbstractAsyncContextManager[Exchange]:
        """Send, once. Leaving the context before the response came cancels. Raises `UpstreamFailure`."""

    def release(self, owner: str) -> None:
        """`owner` is gone (its session ended): what was kept for it can go."""

    async def close(self) -> None:
        """End everything; exchanges still open fail as unavailable."""
