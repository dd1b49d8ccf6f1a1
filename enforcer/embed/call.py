"""One call whose tool the embedding program runs itself: nothing runs before it is allowed and its intent is durable,
and no result is handed back before its receipt is."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from types import TracebackType

import orjson

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.embed.answers import CallRefused, CallStopped, Conclusion, Decision
from enforcer.embed.engine import Engine, concluded
from enforcer.embed.running import Running
from enforcer.mcp.requests import HttpRequest

INTERRUPTED = "interrupted: effect unknown"


class _Either:
    """What both kinds share. `arguments`: as they were decided, a copy; set once it is allowed.

    `decision` and `receipt` are there once the call has ended. It is entered once: another time wants another decision.
    """

    arguments: JsonObject
    decision: Decision
    receipt: JsonObject | None

    def __init__(self, engine: Engine, server_id: str, request: HttpRequest) -> None:
        self._engine, self._running = engine, Running()
        self._server_id, self._request = server_id, request
        self._begun = self._finished = False

    @property
    def stopped(self) -> bool:
        """Whether a kill, a timeout or the end of the gate wants the tool to end; in flight it is until it does."""
        return self._running.stopped.is_set()

    def _begin(self) -> Future[Conclusion]:
        if self._begun:
            raise RuntimeError("this call was entered before: make another one for another decision")
        self._begun = True
        return self._engine.submit(self._server_id, self._request, self._running)

    def _keep(self, conclusion: Conclusion) -> None:
        self.decision, self.receipt = conclusion.decision(), conclusion.receipt

    def _refused(self, conclusion: Conclusion) -> CallRefused:
        self._keep(conclusion)
        return CallRefused(self.decision, self.receipt)

    def _end(self, result: JsonObject | None, outcome: str = "") -> None:
        self._finished = True
        self._engine.tell(self._running.end, result, outcome)

    def _taken(self, conclusion: Conclusion) -> JsonObject:
        self._keep(conclusion)
        if conclusion.result is None:
            raise CallStopped(self.decision, self.receipt, conclusion.why)
        return conclusion.result


class Call(_Either):
    """`with gate.call(…) as c: c.finish(run(c.arguments))`. Entering raises `CallRefused`."""

    def __enter__(self) -> "Call":
        self._future = self._begin()
        try:
            arguments = self._running.started.result()
        except BaseException:  # a signal's handler: the call may just have been allowed, and nobody will end it
            self._end(None, INTERRUPTED)
            raise
        if arguments is None:
            raise self._refused(concluded(self._future))
        self.arguments = arguments
        return self

    def finish(self, result: Mapping[str, JsonValue]) -> JsonObject:
        """The tool's result (MCP `CallToolResult`) as the caller may have it.

        Raises `CallStopped` where the caller must not have it, `TypeError` where it is no JSON.
        """
        self._end(_whole(result))
        return self._taken(concluded(self._future))

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if not self._finished:
            self._end(None, _outcome(kind))
            self._keep(concluded(self._future))


class AsyncCall(_Either):
    """`async with gate.acall(…) as c: await c.finish(await run(c.arguments))`. Entering raises `CallRefused`.

    What stops the call cancels the task inside of the block; leaving it then raises `CallStopped`.
    """

    async def __aenter__(self) -> "AsyncCall":
        self._future = self._begin()
        self._inside = self._cancelled = False
        try:
            arguments = await asyncio.wrap_future(self._running.started)
        except asyncio.CancelledError:
            self._end(None, INTERRUPTED)  # it may just have been allowed
            self._future.cancel()
            raise
        if arguments is None:
            raise self._refused(await self._concluded())
        self.arguments = arguments
        self._enter()
        return self

    async def finish(self, result: Mapping[str, JsonValue]) -> JsonObject:
        """As `Call.finish`."""
        whole = _whole(result)
        self._inside = False  # from here on the gate's answer says whether it was stopped
        self._end(whole)
        return self._taken(await self._concluded())

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, _: TracebackType | None
    ) -> None:
        self._inside = False
        if not self._finished:
            self._end(None, _outcome(kind))
        conclusion = await self._concluded()
        self._keep(conclusion)
        if self._cancelled:
            left = self._task.uncancel()
            if kind is None or (kind is asyncio.CancelledError and left <= self._before):
                raise CallStopped(self.decision, self.receipt, conclusion.why) from problem

    def _enter(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        self._task, self._before, self._inside = task, task.cancelling(), True
        self._running.on_stop(partial(_soon, loop, self._cancel))

    def _cancel(self) -> None:
        if self._inside and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    async def _concluded(self) -> Conclusion:
        await asyncio.wait([asyncio.wrap_future(self._future)])  # `wait` cancels nothing that it waits for
        return concluded(self._future)


def _soon(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(act)


def _outcome(kind: type[BaseException] | None) -> str:
    if kind is None:
        return "upstream_unobserved: effect unknown"
    if issubclass(kind, asyncio.CancelledError):
        return INTERRUPTED
    return f"upstream_error: raised {kind.__name__}"


def _whole(result: Mapping[str, JsonValue]) -> JsonObject:
    copied: JsonObject = orjson.loads(orjson.dumps({"resultType": "complete", **result}))
    return copied
