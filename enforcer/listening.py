"""Where an enforcer listens: its sockets, and the admin pages beside the gate."""

import asyncio
import logging
import socket
from collections.abc import Callable

from enforcer.admin import AdminApp, AdminServer
from enforcer.config import Address, Config
from enforcer.observe.readiness import Readiness
from enforcer.observe.state import State
from enforcer.parts import Parts

log = logging.getLogger(__name__)


def start_admin(config: Config, parts: Parts, dropped_lines: Callable[[], int]) -> AdminServer | None:
    """Started; what it shows is gathered from every part. Called on the gate's loop."""
    gate, shipper, watch = parts.gate, parts.shipper, parts.watch
    if config.admin_listen is None:
        return None
    gate.metrics.also(State(gate, shipper, watch, dropped_lines))
    readiness = Readiness(gate, shipper, watch, asyncio.get_running_loop())
    admin = AdminServer(AdminApp(gate.metrics, readiness), listen(config, "admin_listen", config.admin_listen))
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
