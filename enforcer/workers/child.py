"""A worker: the whole gate with its own journal and chain, which follows the link process that started it.

Started by `parent` and by nobody else: `python -m enforcer.workers.child FILE NUMBER PARENT LISTENING CHANNEL`, the
last two being descriptors. It ends with its parent, and before that lets nothing pass any more.
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvloop

from enforcer.admin import Server
from enforcer.app import App
from enforcer.cli import begin
from enforcer.config import Config
from enforcer.contract.keys import SigningKey
from enforcer.errors import ConfigurationError
from enforcer.journal.journal import Journal
from enforcer.link.counts import Counts
from enforcer.link.follower import Follower
from enforcer.link.hooks import Hooks
from enforcer.link.link import LinkSettings
from enforcer.link.wire import TO_WORKER, Channel, Counted, Show, Shown, Welcome
from enforcer.listening import observed
from enforcer.observe.logs import of_worker
from enforcer.observe.readiness import Readiness
from enforcer.parts import Parts, Place
from enforcer.process import allowed_hosts, leave, settings
from enforcer.secrets_on_disk import signing_key
from enforcer.serving import gated_servers, looked_after
from enforcer.workers.home import NAME, home_of
from enforcer.workers.relay import Relay

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Serve until told to stop, or the parent is gone."""
    file, number, parent, listening, channel = arguments
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it died before that took hold
        return 1
    try:
        config, dropped_lines = begin(Path(file))
        of_worker(int(number))
        worker = _Worker(config, int(number), dropped_lines)
        with socket.socket(fileno=int(listening)) as to_clients, socket.socket(fileno=int(channel)) as to_parent:
            return worker.run(to_clients, to_parent)
    except ConfigurationError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2


class _Worker:
    def __init__(self, config: Config, number: int, dropped_lines: Callable[[], int]) -> None:
        self._config, self._number, self._dropped_lines = config, number, dropped_lines
        self._key: SigningKey = signing_key(config.data_dir)

    def run(self, listening: socket.socket, to_parent: socket.socket) -> int:
        journal = Journal.open(home_of(self._config.data_dir, self._number), enforcer_id=self._config.enforcer_id)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve(journal, listening, to_parent))
        finally:
            journal.close()
        return 0

    async def _serve(self, journal: Journal, listening: socket.socket, to_parent: socket.socket) -> None:
        channel, ending = await Channel.over(to_parent), asyncio.Event()
        frames = channel.frames(TO_WORKER)
        welcome = await anext(frames)
        assert isinstance(welcome, Welcome)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ending.set)
        asked: asyncio.Queue[Show] = asyncio.Queue()
        rates = Counts(channel.send)

        def hear(frame: Counted | Show) -> None:
            rates.answered(frame) if isinstance(frame, Counted) else asked.put_nowait(frame)

        def link(of: LinkSettings, hooks: Hooks) -> Follower:
            return Follower(of.server_ids, of.root_keys, hooks, channel, frames, hear=hear, lost=ending.set)

        place = Place(link, self._number, welcome.cursor_key, rates)
        hosts = allowed_hosts(self._config, listening.getsockname()[1])
        parts = Parts(self._config, self._key, journal, gated_servers(self._config), hosts, place)
        relay = Relay(self._number, self._config.data_dir / NAME)
        app = App(parts.gate, relay.forward)
        server = Server(settings(app, self._config))
        async with looked_after(self._config, parts), relay.serving(app.serve), asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(self._show(parts, asked, channel)),
                tasks.create_task(_end(ending, server, parts)),
            ]
            await server.serve(sockets=[listening])
            for task in beside:
                task.cancel()
        channel.close()

    async def _show(self, parts: Parts, asked: "asyncio.Queue[Show]", channel: Channel) -> None:
        """What the admin pages of the parent ask for, one after the other."""
        readiness = observed(parts, self._dropped_lines)
        while True:
            channel.send(await asyncio.to_thread(_shown, await asked.get(), parts, readiness))


async def _end(ending: asyncio.Event, server: Server, parts: Parts) -> None:
    await ending.wait()
    leave(server, parts)


def _shown(asked: Show, parts: Parts, readiness: Readiness) -> Shown:
    if asked.what == "metrics":
        return Shown(ask=asked.ask, text=parts.gate.metrics.text()[0].decode())
    ready, report = readiness.report()
    return Shown(ask=asked.ask, ready=ready, report=report)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
