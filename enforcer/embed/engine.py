"""The enforcer on a thread of its own inside of another program: the same parts, and no port for calls."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from typing import ParamSpec
from urllib.parse import urlsplit

import uvloop

from enforcer.config import Config
from enforcer.config_file import Upstream
from enforcer.contract.strict_json import JsonObject
from enforcer.discovery.watch import watch
from enforcer.embed.answers import Conclusion
from enforcer.embed.running import CURRENT, Running
from enforcer.embed.server import EmbeddedServer, copied, never
from enforcer.journal.journal import Journal
from enforcer.listening import start_admin
from enforcer.mcp.requests import HttpRequest
from enforcer.metrics import Metrics
from enforcer.parts import Parts
from enforcer.pipeline.client import Client
from enforcer.pipeline.run import conduct
from enforcer.secrets_on_disk import read_secret, signing_key

log = logging.getLogger(__name__)
GRACE_S = 10.0  # for tools that run when the gate closes
P = ParamSpec("P")


class Engine:
    """Runs from construction until `close`, once; raises `ConfigurationError` where it can't begin."""

    def __init__(self, config: Config, tools: Mapping[str, Sequence[JsonObject]]) -> None:
        self.config = config
        self._tools = tools
        self._servers: dict[str, EmbeddedServer] = {}
        self._pending: dict[Running, Future[Conclusion]] = {}
        self._lock = threading.Lock()
        self._open = True
        self._closing = asyncio.Event()
        self._began: Future[tuple[asyncio.AbstractEventLoop, Parts]] = Future()
        self._thread = threading.Thread(target=self._run, name="drawbridge", daemon=True)
        self._thread.start()
        self._loop, self._parts = self._began.result()

    def submit(self, server_id: str, request: HttpRequest, running: Running) -> "Future[Conclusion]":
        """One message on its way. Raises `RuntimeError` where the gate is closed."""
        with self._lock:
            if not self._open:
                raise RuntimeError("the gate is closed: nothing may be called")
            way = self._conduct(server_id, request, running)
            future = self._pending[running] = asyncio.run_coroutine_threadsafe(way, self._loop)
            return future

    def tell(self, act: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """On the gate's loop, as soon as it comes to it; nothing once it has ended."""
        with self._lock:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(partial(act, *args, **kwargs))

    def offer(self, server_id: str, tools: Sequence[JsonObject]) -> None:
        """Other tools of a server from now on."""
        self.tell(self._servers[server_id].offer, copied(tools))

    def ready(self) -> bool:
        """Whether every server has a verified policy and the journal takes receipts."""
        return self._open and self._parts.gate.ready()

    def close(self) -> None:
        """Stop what runs, give it `GRACE_S`, keep every receipt; the last ones get a moment to leave."""
        with self._lock:
            self._open = False
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._with_journal()
        except BaseException as problem:  # the outermost place of this thread: whoever waits must hear of it
            if self._began.done():
                log.exception("the gate failed: from here on every call is refused")
            else:
                self._began.set_exception(problem)
        finally:
            self._fail_pending()

    def _with_journal(self) -> None:
        key = signing_key(self.config.data_dir)
        read_secret(self.config.data_dir / self.config.file.policy_redis.password_file)
        journal = Journal.open(self.config.data_dir, enforcer_id=self.config.enforcer_id)
        try:
            # What ends outside of the loop: a program that is ending gives it no more threads
            with ExitStack() as after, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                hosts = (urlsplit(self.config.file.public_url).netloc,)
                runner.run(self._serve(Parts(self.config, key, journal, self._make_server, hosts), after))
        finally:
            with self._lock:
                self._open = False
            journal.close()

    def _make_server(
        self, upstream: Upstream, _metrics: Metrics, on_list_changed: Callable[[], None]
    ) -> EmbeddedServer:
        made = self._servers[upstream.server] = EmbeddedServer(self._tools[upstream.server], on_list_changed)
        return made

    async def _serve(self, parts: Parts, after: ExitStack) -> None:
        async with asyncio.TaskGroup() as tasks:
            looks = (watch(parts.gate, id_, self.config.file.list_every_s) for id_ in self.config.server_ids)
            background = [tasks.create_task(part) for part in (parts.link.run(), parts.watch.run(), *looks)]
            parts.shipments.start()
            after.callback(parts.shipments.close)
            if (admin := start_admin(self.config, parts, lambda: 0)) is not None:
                after.callback(admin.stop)
            self._began.set_result((asyncio.get_running_loop(), parts))
            await self._closing.wait()
            await self._drain()
            if parts.gate.shared_rates is not None:
                await parts.gate.shared_rates.close()
            for task in background:
                task.cancel()

    async def _drain(self) -> None:
        for running in tuple(self._pending):
            running.interrupt()
        await self._wait_idle(GRACE_S)
        for running in tuple(self._pending):
            running.end(None, "interrupted: effect unknown")
        await self._wait_idle(GRACE_S)

    async def _wait_idle(self, within_s: float) -> None:
        ways = [asyncio.wrap_future(future) for future in tuple(self._pending.values())]
        if ways:
            await asyncio.wait(ways, timeout=within_s)

    async def _conduct(self, server_id: str, request: HttpRequest, running: Running) -> Conclusion:
        CURRENT.set(running)
        try:
            answer, tx = await conduct(self._parts.gate, server_id, request, Client(never, _nowhere))
            return Conclusion(answer, tx, running.ran)
        finally:
            self._forget(running)

    def _forget(self, running: Running) -> None:
        with self._lock:
            self._pending.pop(running, None)
        if not running.started.done():
            running.started.set_result(None)

    def _fail_pending(self) -> None:
        for running, future in tuple(self._pending.items()):
            future.cancel()
            self._forget(running)


def concluded(future: "Future[Conclusion]") -> Conclusion:
    """Its conclusion. Raises `RuntimeError` where the gate ended before it."""
    try:
        return future.result()
    except FutureCancelled:
        raise RuntimeError("the gate ended before this call did: what came of it is not known") from None


async def _nowhere(_message: object) -> None:
    """Answers are taken from the pipeline itself."""
