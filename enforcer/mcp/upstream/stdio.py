"""An upstream that is a command: children by owner, because process state is the owner's (MCP_WIRE section 5).

Two owners never share a child. An idle one ends; a crashed one is replaced at the next request, except where it held a
legacy session, which is then lost. The number of children is bounded.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.child import Child
from enforcer.mcp.upstream.inbox import Inbox
from enforcer.mcp.upstream.shape import is_request
from enforcer.sandbox.plan import LaunchPlan

DEFAULT_IDLE_S = 300.0
DEFAULT_CHILDREN = 32


class StdioExchange:
    """See `base.Exchange`."""

    status = 200

    def __init__(self, child: Child, request: UpstreamRequest, inbox: Inbox | None, deadline: float | None) -> None:
        self.session_id = request.session_id
        self._child = child
        self._opening = request.message.get("method") == "initialize"
        self._inbox = inbox
        self._deadline = deadline
        self.complete = inbox is None

    async def __aiter__(self) -> AsyncIterator[JsonObject]:
        while self._inbox is not None and not self.complete:
            message = await self._next(self._inbox)
            if "method" not in message:
                self.complete = True
                self._learn_session(message)
            yield message

    async def _next(self, inbox: Inbox) -> JsonObject:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await inbox.get()
        except TimeoutError:
            raise UpstreamFailure("timeout", "no answer in time") from None

    def _learn_session(self, answer: JsonObject) -> None:
        if self._opening and "result" in answer:
            self._child.holds_session = True
            self.session_id = self._child.session_id


class StdioUpstream:
    """A stdio server started by `plan`, a process per owner. `label` is the server's id, for the log."""

    def __init__(
        self,
        label: str,
        plan: LaunchPlan,
        *,
        idle_s: float = DEFAULT_IDLE_S,
        max_children: int = DEFAULT_CHILDREN,
        on_start: Callable[[], None] = lambda: None,
        on_list_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._label, self._on_start, self._on_list_changed = label, on_start, on_list_changed
        self._plan = plan
        self._idle_s = idle_s
        self._max_children = max_children
        self._by_owner: dict[str, Child] = {}
        self._alive: set[Child] = set()
        self._starting = asyncio.Lock()
        self._uses = count(1)  # an order: the loop's clock is too coarse to tell two uses apart
        self._closed = False

    @asynccontextmanager
    async def exchange(self, request: UpstreamRequest) -> AsyncIterator[StdioExchange]:
        """As `Upstream.exchange`; leaving early tells the child by `notifications/cancelled`."""
        loop = asyncio.get_running_loop()
        deadline = None if request.timeout_s is None else loop.time() + request.timeout_s
        child = await self._child_for(request)
        inbox = child.inboxes.open(request) if is_request(request.message) else None
        try:
            self._busy(child)
            child.send(request.message)
            exchange = StdioExchange(child, request, inbox, deadline)
            try:
                yield exchange
            finally:
                if not exchange.complete:
                    _cancel(child, request)
        finally:
            if inbox is not None:
                child.inboxes.close(inbox)
            self._rest(child)

    async def _child_for(self, request: UpstreamRequest) -> Child:
        async with self._starting:
            child = self._by_owner.get(request.owner)
            usable = child is not None and not child.ending
            if request.session_id is not None and not (usable and child and child.session_id == request.session_id):
                raise UpstreamFailure("unavailable", "the session's process is gone", sent=False, session_lost=True)
            if child is not None and usable:
                return child
            return await self._start(request.owner)

    async def _start(self, owner: str) -> Child:
        if self._closed:
            raise UpstreamFailure("unavailable", "the gate is shutting down", sent=False)
        self._make_room()
        child = Child(self._label, self._forget, self._on_list_changed)
        await child.start(self._plan)
        self._on_start()
        self._by_owner[owner] = child
        self._alive.add(child)
        return child

    def _make_room(self) -> None:
        """At the bound the longest unused child gives way; one that holds a session or a call never does."""
        running = [child for child in self._by_owner.values() if not child.ending]
        if len(running) < self._max_children:
            return
        idle = [child for child in running if child.idle is not None and not child.holds_session]
        if not idle:
            raise UpstreamFailure("unavailable", f"all {self._max_children} processes are in use", sent=False)
        min(idle, key=lambda child: child.last_use).end()

    def _busy(self, child: Child) -> None:
        if child.idle is not None:
            child.idle.cancel()
            child.idle = None

    def _rest(self, child: Child) -> None:
        if len(child.inboxes) == 0 and not child.ending:
            self._busy(child)
            child.idle = asyncio.get_running_loop().call_later(self._idle_s, child.end)
            child.last_use = next(self._uses)

    def _forget(self, child: Child) -> None:
        self._busy(child)
        self._alive.discard(child)
        for owner in [owner for owner, known in self._by_owner.items() if known is child]:
            del self._by_owner[owner]

    def release(self, owner: str) -> None:
        """End the owner's process."""
        child = self._by_owner.pop(owner, None)
        if child is not None:
            child.end()

    def kill(self) -> None:
        """End every process this instant; none is started any more."""
        self._closed = True
        for child in tuple(self._alive):
            child.kill()

    async def close(self) -> None:
        """End every process and wait until all are gone: at most about five seconds."""
        self._closed = True
        async with self._starting:
            ending = list(self._alive)
        for child in ending:
            child.end()
        await asyncio.gather(*(child.exited for child in ending))


def _cancel(child: Child, request: UpstreamRequest) -> None:
    """Nobody waits for the answer any more. `initialize` can't be cancelled (MCP_WIRE section 10)."""
    child.drop_unread()
    if child.ending or request.message.get("method") == "initialize":
        return
    params: JsonObject = {"requestId": request.message["id"]}
    try:
        child.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
    except UpstreamFailure:
        return
