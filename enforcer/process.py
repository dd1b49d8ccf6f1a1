"""One enforcer process: policy comes in, calls are gated, receipts go out, until it is told to stop."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
import uvloop

from enforcer.admin import Server
from enforcer.app import App
from enforcer.config import Config
from enforcer.config_file import Upstream
from enforcer.contract.keys import SigningKey
from enforcer.discovery.hear import hear
from enforcer.discovery.watch import watch
from enforcer.enrol import enrol_if_invited
from enforcer.http_protocol import BoundedProtocol
from enforcer.journal.journal import Journal
from enforcer.listening import listen, start_admin
from enforcer.metrics import Metrics
from enforcer.parts import Parts
from enforcer.pipeline.server import GatedServer
from enforcer.sandbox.launch import Host
from enforcer.sandbox.probe import probe
from enforcer.secrets_on_disk import read_secret, signing_key

log = logging.getLogger(__name__)
GRACE_S = 10


def run(config: Config, dropped_lines: Callable[[], int] = lambda: 0) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. `dropped_lines` counts what the log lost."""
    for upstream in config.file.upstream:
        if upstream.embedded:
            raise config.problem("upstream", f"{upstream.server} is embedded in a program; open this file there")
    enrol_if_invited(config)
    key = signing_key(config.data_dir)
    read_secret(config.data_dir / config.file.policy_redis.password_file)  # the link reads it anew for each connection
    with listen(config, "listen", config.listen) as listening:
        journal = Journal.open(config.data_dir, enforcer_id=config.enforcer_id)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(config, key, journal, listening, dropped_lines))
        finally:
            journal.close()
    return 0


async def _serve(
    config: Config, key: SigningKey, journal: Journal, listening: socket.socket, dropped_lines: Callable[[], int]
) -> None:
    host = Host(probe(), config.data_dir, Path.home())

    def gated(upstream: Upstream, metrics: Metrics, on_list_changed: Callable[[], None]) -> GatedServer:
        return GatedServer(upstream, config, host, partial(metrics.started, upstream.server), on_list_changed)

    process = Parts(config, key, journal, gated, _allowed_hosts(config, listening.getsockname()[1]))
    server, admin = Server(_settings(App(process.gate), config)), start_admin(config, process, dropped_lines)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _exit, server, process)
    async with asyncio.TaskGroup() as tasks:
        looks = (watch(process.gate, id_, config.file.list_every_s) for id_ in config.server_ids)
        ears = (hear(process.gate, id_) for id_ in config.server_ids)
        parts = (process.link.run(), process.watch.run(), _announce(process, listening), *looks, *ears)
        background = [tasks.create_task(part) for part in parts]
        process.shipper.start()
        await server.serve(sockets=[listening])
        for task in background:
            task.cancel()
        await process.close()
        if admin is not None:
            await asyncio.to_thread(admin.stop)


def _exit(server: Server, process: Parts) -> None:
    server.should_exit = True
    process.gate.streams.end_all("the gate stops")


async def _announce(process: Parts, listening: socket.socket) -> None:
    """One line, once every server has a verified policy."""
    await process.link.wait_ready()
    host, port = listening.getsockname()[:2]
    scheme = "https" if process.gate.config.file.tls.cert else "http"
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"ready: {scheme}://{shown}:{port}/mcp\n")
    sys.stdout.flush()


def _settings(app: App, config: Config) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=config.file.tls.cert or None,
        ssl_keyfile=config.file.tls.key or None,
    )


def _allowed_hosts(config: Config, port: int) -> frozenset[str]:
    listen = config.listen
    names = {listen.host, "localhost"} if listen.loopback else {listen.host}
    own = {f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names}
    return frozenset((*own, urlsplit(config.file.public_url).netloc, *config.file.allowed_hosts))
