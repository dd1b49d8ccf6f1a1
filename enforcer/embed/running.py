"""One tool while it runs in the embedding program, seen from both sides: the gate's loop and the program's thread."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import UpstreamFailure

CURRENT: ContextVar["Running"] = ContextVar("the tool that this message would run")


class Running:
    """`started` becomes the arguments as they were decided, or None where the tool must not run.

    As long as the program has not said that the tool ended, it counts as in flight, whatever stopped it: a kill is
    confirmed as drained only then.
    """

    def __init__(self, *, observed: bool = True) -> None:
        """`observed`: False where the program will not say what came of it."""
        self.started: Future[JsonObject | None] = Future()
        self.started.set_running_or_notify_cancel()  # who waits for it may give up, and must not make it cancelled
        self.stopped = threading.Event()
        self.ran = False
        self._observed = observed
        self._ended = asyncio.Event()
        self._result: JsonObject | None = None
        self._outcome = ""
        self._on_stop: Callable[[], None] | None = None
        self._lock = threading.Lock()

    # on the gate's loop

    async def run(self, arguments: JsonObject) -> JsonObject:
        """Let it begin, and wait for its end. Raises `UpstreamFailure` where there is no result."""
        self.ran = True
        self.started.set_result(arguments)
        if not self._observed:
            raise _failure("upstream_unobserved: effect unknown")
        try:
            await self._ended.wait()
        except asyncio.CancelledError:
            self._stop()
            await self._until_ended()
            raise
        if self._result is None:
            raise _failure(self._outcome)
        return self._result

    async def _until_ended(self) -> None:
        """Whoever cancels again must wait too: the tool still runs."""
        while not self._ended.is_set():
            try:
                await self._ended.wait()
            except asyncio.CancelledError:
                continue

    def end(self, result: JsonObject | None, outcome: str = "") -> None:
        """The tool ended; `outcome` says for the receipt why there is no result."""
        if not self._ended.is_set():
            self._result, self._outcome = result, outcome
            self._ended.set()

    def interrupt(self) -> None:
        """The gate closes."""
        if self.ran and not self._ended.is_set():
            self._stop()

    def _stop(self) -> None:
        with self._lock:
            act = None if self.stopped.is_set() else self._on_stop
            self.stopped.set()
        if act is not None:
            act()

    # in the program's thread

    def on_stop(self, act: Callable[[], None]) -> None:
        """`act` is called once, from the gate's thread, at once if it was stopped before."""
        with self._lock:
            self._on_stop = act
            late = self.stopped.is_set()
        if late:
            act()


def _failure(outcome: str) -> UpstreamFailure:
    failure = UpstreamFailure("unavailable", outcome)
    failure.outcome = outcome
    return failure
