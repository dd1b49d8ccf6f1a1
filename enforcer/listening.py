"""Where an enforcer listens: its sockets, and the admin pages beside the gate."""

import asyncio
import logging
import socket
from collections.abc import Callable

from enforcer.admin import AdminApp, AdminServer, Exposes, Reports
from enforcer.config import Address, Config
from enforcer.observe.readiness import Readiness
from enforcer.observe.state import State
from enforcer.parts import Parts

log = logging.getLogger(__name__)


def start_admin(config: Config, parts: Parts, dropped_lines: Callable[[], int]) -> AdminServer | None:
    """Started; what it shows is gathered from every part. Called on the gate's loop."""
    if config.admin_listen is None:
        return None
    return serve_admin(config, config.admin_listen, parts.gate.metrics, observed(parts, dropped_lines))


def observed(parts: Parts, dropped_lines: Callable[[], int]) -> Readiness:
    """Have the metrics of a gate tell its state too; its readiness. Called on the gate's loop."""
    gate, shipper, watch = parts.gate, parts.shipments.first, parts.watch
    gate.metrics.also(State(gate, shipper, watch, dropped_lines))
    return Readiness(gate, shipper, watch, asyncio.get_running_loop())


def serve_admin(config: Config, address: Address, metrics: Exposes, readiness: Reports) -> AdminServer:
    """Started, in its own thread."""
    admin = AdminServer(AdminApp(metrics, readiness), listen(config, "admin_listen", address))
    admin.start()
    log.info("metrics and readiness are on %s", admin.url)
    return admin


def listen(config: Config, key: str, address: Address) -> socket.socket:
    """Bound. Raises `ConfigurationError`, which names `key`."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as problem:
        where = f"{address.host}:{address.port}"
        raise config.problem(key, f"{where} can't be listened on, {problem.strerror}; free it") from None
