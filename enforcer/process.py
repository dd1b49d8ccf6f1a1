"""One enforcer process: policy comes in, calls are gated, receipts go out, until it is told to stop."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import uvicorn
import uvloop

from enforcer.admin import Server
from enforcer.app import App
from enforcer.config import Config
from enforcer.contract.keys import SigningKey
from enforcer.http_protocol import BoundedProtocol
from enforcer.journal.journal import Journal
from enforcer.listening import listen
from enforcer.parts import Parts, Place
from enforcer.serving import beside_the_calls, gated_servers, own_key
from enforcer.shipments import journals

log = logging.getLogger(__name__)
GRACE_S = 10


def run(config: Config, dropped_lines: Callable[[], int] = lambda: 0) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. `dropped_lines` counts what the log lost."""
    key = own_key(config)
    with (
        listen(config, "listen", config.listen) as listening,
        journals(config, workers=0) as found,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(config, key, found, listening, dropped_lines))
    return 0


async def _serve(
    config: Config,
    key: SigningKey,
    found: Sequence[Journal],
    listening: socket.socket,
    dropped_lines: Callable[[], int],
) -> None:
    hosts = allowed_hosts(config, listening.getsockname()[1])
    process = Parts(config, key, found[0], gated_servers(config), hosts, Place(older=found[1:]))
    server, loop = Server(settings(App(process.gate), config)), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave, server, process)
    async with beside_the_calls(config, process, dropped_lines), asyncio.TaskGroup() as tasks:
        announcing = tasks.create_task(_announce(config, process, listening))
        await server.serve(sockets=[listening])
        announcing.cancel()


def leave(server: Server, process: Parts) -> None:
    """Take nothing new, let what is under way end."""
    server.should_exit = True
    process.gate.streams.end_all("the gate stops")


async def _announce(config: Config, process: Parts, listening: socket.socket) -> None:
    """One line, once every server has a verified policy."""
    await process.link.wait_ready()
    say_ready(config, listening)


def say_ready(config: Config, listening: socket.socket) -> None:
    """The one line on standard output (CONTRACTS section 1)."""
    host, port = listening.getsockname()[:2]
    scheme = "https" if config.file.tls.cert else "http"
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"ready: {scheme}://{shown}:{port}/mcp\n")
    sys.stdout.flush()


def settings(app: App, config: Config) -> uvicorn.Config:
    """How requests are read."""
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


def allowed_hosts(config: Config, port: int) -> frozenset[str]:
    """What a request's Host header may say."""
    listen = config.listen
    names = {listen.host, "localhost"} if listen.loopback else {listen.host}
    own = {f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names}
    return frozenset((*own, urlsplit(config.file.public_url).netloc, *config.file.allowed_hosts))
