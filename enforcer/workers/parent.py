"""The process that `enforcer run --workers N` starts: the policy link, the workers, and no call of its own.

Its journal takes what the host did to the enforcer; receipts of an enforcer that ran without workers leave it too.
"""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import uvloop

from enforcer.config import Config
from enforcer.contract.keys import SigningKey
from enforcer.journal.journal import Journal
from enforcer.journal.problems import JournalUnavailable
from enforcer.link.hooks import Hooks
from enforcer.link.link import Link
from enforcer.link.local_stop import Stop
from enforcer.listening import listen, serve_admin
from enforcer.metrics import Metrics
from enforcer.parts import link_settings
from enforcer.pipeline.own_receipts import stop_receipt
from enforcer.process import say_ready
from enforcer.serving import own_key
from enforcer.shipments import Shipments, journals
from enforcer.workers.crew import Crew
from enforcer.workers.keeper import Keeper
from enforcer.workers.overview import Overview


def run(config: Config, workers: int, dropped_lines: Callable[[], int]) -> int:
    """Serve from so many processes until SIGTERM or SIGINT; returns the exit code."""
    key = own_key(config)
    with listen(config, "listen", config.listen) as listening, journals(config, workers=workers) as found:
        parent = _Parent(config, key, found, listening, workers)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(parent.serve(dropped_lines))
    return 0


class _Parent:
    def __init__(
        self, config: Config, key: SigningKey, found: Sequence[Journal], listening: socket.socket, workers: int
    ) -> None:
        self._config, self._journal, self._listening, self._workers = config, found[0], listening, workers
        self._crew = Crew(config.server_ids, self._crew_changed)
        self._metrics = Metrics(config.server_ids)
        hooks = Hooks(
            on_ack=self._acked,
            in_flight_matching=self._crew.in_flight,
            under_way=self._crew.under_way,
            journal_depth=lambda: self._shipments.depth() + self._crew.depth(),
            warnings=self._warnings,
            on_rejected=self._metrics.rejected,
            on_local_stop=self._record_stop,
            on_state=lambda: self._crew.sync(self._link),
            slowest=self._crew.slowest,
        )
        self._link = Link(link_settings(config, key), hooks)
        self._shipments = Shipments(config, key, found, self._link)
        self._keeper = Keeper(config, self._crew, self._link, listening, workers)
        self._ready = asyncio.Event()

    async def serve(self, dropped_lines: Callable[[], int]) -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        async with self._admin(dropped_lines), asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(part) for part in (self._link.run(), self._announce())]
            self._shipments.start()
            await self._keeper.run(stopping)
            for task in background:
                task.cancel()
        await asyncio.to_thread(self._shipments.close)

    @asynccontextmanager
    async def _admin(self, dropped_lines: Callable[[], int]) -> AsyncIterator[None]:
        config = self._config
        if config.admin_listen is None:
            yield
            return
        overview = Overview(self._crew, self._keeper, self._metrics, self._journal, dropped_lines)
        admin = serve_admin(config, config.admin_listen, overview, overview)
        try:
            yield
        finally:
            await asyncio.to_thread(admin.stop)

    async def _announce(self) -> None:
        """Once every worker had policy for every server."""
        await self._ready.wait()
        say_ready(self._config, self._listening)

    def _warnings(self) -> list[str]:
        problem = self._journal.problem()
        own = [*([f"journal: {problem}"] if problem else []), *self._shipments.problems(), *self._keeper.warnings()]
        return list(dict.fromkeys([*own, *self._crew.warnings()]))

    def _crew_changed(self) -> None:
        if self._crew.ready(self._workers):
            self._ready.set()
        self._link.beat()

    def _acked(self, envelope: bytes) -> None:
        self._shipments.acknowledge(envelope)
        self._crew.acknowledged(envelope)

    async def _record_stop(self, stop: Stop) -> bool:
        try:
            await self._journal.record(stop_receipt(self._config.enforcer_id, stop, self._link.wall()))
        except JournalUnavailable:
            return False
        return True
