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

from enforcer.admin import AdminApp, AdminServer, Server
from enforcer.app import App
from enforcer.config import Address, Config
from enforcer.contract import redis_names
from enforcer.contract.keys import Role, SigningKey
from enforcer.discovery.watch import watch
from enforcer.http_protocol import BoundedProtocol
from enforcer.journal.journal import Journal
from enforcer.link.celery_out import CelerySender
from enforcer.link.hooks import Hooks
from enforcer.link.link import Link, LinkSettings
from enforcer.link.ship import Shipper
from enforcer.link.state import Applied
from enforcer.mcp.sessions import Session, Sessions
from enforcer.metrics import Metrics
from enforcer.observe.loop_watch import LoopWatch
from enforcer.observe.readiness import Readiness
from enforcer.observe.state import State
from enforcer.pipeline.decide import refused_now
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.inflight import Flights
from enforcer.pipeline.server import GatedServer
from enforcer.sandbox.launch import Host
from enforcer.sandbox.probe import probe
from enforcer.secrets_on_disk import hmac_keys, read_secret, signing_key

log = logging.getLogger(__name__)
GRACE_S = 10
MAX_SESSIONS = 8  # of a principal at a server: each may be a process (MCP_WIRE section 5)


def run(config: Config, dropped_lines: Callable[[], int] = lambda: 0) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. `dropped_lines` counts what the log lost."""
    key = signing_key(config.data_dir)
    read_secret(config.data_dir / config.file.policy_redis.password_file)  # the link reads it anew for each connection
    with _listen(config, "listen", config.listen) as listening:
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
    process = Process(config, key, journal, listening.getsockname()[1])
    server, admin = Server(_settings(App(process.gate), config)), _admin(config, process, dropped_lines)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _exit, server, process)
    async with asyncio.TaskGroup() as tasks:
        looks = (watch(process.gate, id_, config.file.list_every_s) for id_ in config.server_ids)
        parts = (process.link.run(), process.watch.run(), _announce(process, listening), *looks)
        background = [tasks.create_task(part) for part in parts]
        process.shipper.start()
        await server.serve(sockets=[listening])
        for task in background:
            task.cancel()
        await process.close()
        if admin is not None:
            await asyncio.to_thread(admin.stop)


def _admin(config: Config, process: "Process", dropped_lines: Callable[[], int]) -> AdminServer | None:
    """Started; what it shows is gathered from every part."""
    gate, shipper, watch = process.gate, process.shipper, process.watch
    if config.admin_listen is None:
        return None
    gate.metrics.also(State(gate, shipper, watch, dropped_lines))
    readiness = Readiness(gate, shipper, watch, asyncio.get_running_loop())
    admin = AdminServer(AdminApp(gate.metrics, readiness), _listen(config, "admin_listen", config.admin_listen))
    admin.start()
    log.info("metrics and readiness are on %s", admin.url)
    return admin


class Process:
    """The parts, wired to one another."""

    def __init__(self, config: Config, key: SigningKey, journal: Journal, port: int) -> None:
        flights, metrics = Flights(), Metrics(config.server_ids)
        host = Host(probe(), config.data_dir, Path.home())
        self.watch = LoopWatch(metrics.loop_lag_seconds.observe)
        self._config = config
        self._servers = {
            u.server: GatedServer(
                u, config, host, partial(metrics.started, u.server), partial(self._list_changed, u.server)
            )
            for u in config.file.upstream
        }
        journal.on_timing(metrics.journal_commit_seconds.observe)
        hooks = Hooks(
            on_change=self._changed,
            on_ack=self._acked,
            in_flight_matching=flights.stopping,
            journal_depth=journal.depth,
            warnings=self._warnings,
            on_rejected=metrics.rejected,
            on_incident=metrics.killed,
        )
        self.link = Link(_link_settings(config, key), hooks)
        self.shipper = _shipper(config, key, journal, self.link)
        self.gate = Gate(
            config=config,
            link=self.link,
            journal=journal,
            servers=self._servers,
            sessions=Sessions(on_end=self._session_ended, max_per_principal=MAX_SESSIONS),
            hmac_keys=hmac_keys(config.data_dir),
            allowed_hosts=_allowed_hosts(config, port),
            allowed_origins=_allowed_origins(config),
            metrics=metrics,
            flights=flights,
            wall=self.link.wall,
        )

    async def close(self) -> None:
        """End what was started, and give the last receipts a moment to leave."""
        for server in self._servers.values():
            await server.close()
        await asyncio.to_thread(self.shipper.close)

    def _acked(self, envelope: bytes) -> None:
        self.shipper.acknowledge(envelope)

    def _changed(self, server_id: str, _applied: Applied | None) -> None:
        self.gate.flights.stop_refused(server_id, lambda call, facts: refused_now(self.gate, call, facts))
        self.gate.streams.wake(server_id)

    def _list_changed(self, server_id: str) -> None:
        self.gate.catalog(server_id).wanted.set()

    def _session_ended(self, session: Session) -> None:
        self._servers[session.server_id].release(session.owner)
        self.gate.streams.end_session(session)

    def _warnings(self) -> tuple[str, ...]:
        found = [server.warning for server in self._servers.values() if server.warning]
        problem = self.gate.journal.problem()
        lists = [line for id_ in self._servers for line in self._list_warnings(id_)]
        return (*found, *lists, *((f"journal: {problem}",) if problem else ()), *self.shipper.problems())

    def _list_warnings(self, server_id: str) -> list[str]:
        catalog = self.gate.catalog(server_id)
        said = [f"{server_id}: it lists {name!a} more than once; nobody can call that" for name in catalog.twice()[:3]]
        if catalog.left_out:
            said.append(f"{server_id}: its tools change too often, {catalog.left_out} changes are not reported yet")
        return said


def _exit(server: Server, process: Process) -> None:
    server.should_exit = True
    process.gate.streams.end_all("the gate stops")


async def _announce(process: Process, listening: socket.socket) -> None:
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


def _listen(config: Config, key: str, address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as problem:
        where = f"{address.host}:{address.port}"
        raise config.problem(key, f"{where} can't be listened on, {problem.strerror}; free it") from None


def _link_settings(config: Config, key: SigningKey) -> LinkSettings:
    return LinkSettings(
        enforcer_id=config.enforcer_id,
        server_ids=config.server_ids,
        root_keys=config.root_keys,
        data_dir=config.data_dir,
        key=key,
        redis_url=config.file.policy_redis.url,
        password_file=config.data_dir / config.file.policy_redis.password_file,
        control_plane_url=config.file.control_plane.url,
    )


def _shipper(config: Config, key: SigningKey, journal: Journal, link: Link) -> Shipper:
    redis = config.file.receipts_redis
    password = read_secret(config.data_dir / redis.password_file)
    return Shipper(
        journal,
        enforcer_id=config.enforcer_id,
        key=key,
        make_sender=lambda: CelerySender(redis.url, password, redis_names.receipts_queue(config.enforcer_id)),
        ack_keys=lambda: link.public_keys(Role.ACK),
    )


def _allowed_hosts(config: Config, port: int) -> frozenset[str]:
    listen = config.listen
    names = {listen.host, "localhost"} if listen.loopback else {listen.host}
    own = {f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names}
    return frozenset(h.lower() for h in (*own, urlsplit(config.file.public_url).netloc, *config.file.allowed_hosts))


def _allowed_origins(config: Config) -> frozenset[str]:
    parts = urlsplit(config.file.public_url)
    return frozenset(o.lower() for o in (f"{parts.scheme}://{parts.netloc}", *config.file.allowed_origins))
