"""`manage.py up`: the embedded control plane in the foreground."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from controlplane.common import commands
from controlplane.common.commands import UsageError
from controlplane.common.files import secret_directory
from controlplane.embedded.addresses import Addresses, choose
from controlplane.embedded.lock import lock
from controlplane.embedded.parts import migrate, waves
from controlplane.embedded.supervisor import Supervisor


def say(line: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Command(commands.Command):
    """Start everything that the control plane is, until Ctrl-C."""

    help = "Run the whole control plane on this machine: SQLite, two Valkeys, publisher, web and worker."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """As CONTRACTS section 1."""
        parser.add_argument(
            "--data-dir", type=Path, help="where everything is kept (default: DRAWBRIDGE_DATA_DIR or var/)"
        )
        parser.add_argument("--port", type=int, help="of the web (default: as last time, else a free one)")
        parser.add_argument(
            "--redis-port", type=int, help="of the policy Valkey (default: as last time, else a free one)"
        )
        parser.add_argument("--no-demo", action="store_true", help="seed nothing (this version seeds nothing anyway)")

    def work(self, options: dict[str, Any]) -> int:
        """Take the data directory, choose addresses, supervise."""
        data: Path = (options["data_dir"] or settings.DATA_DIR).resolve()
        try:
            secret_directory(data)
        except OSError as problem:
            sentence = f"{data} can't be made, {problem.strerror}; name a directory of yours"
            raise UsageError.option("--data-dir", sentence) from None
        held = lock(data / "up.lock")
        if held is None:
            raise UsageError(f"{data}/up.lock:1: -: another `manage.py up` runs here; stop it or give a --data-dir")
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the supervisor listens, Ctrl-C simply ends this
        port, redis_port = (_given(f"--{name}", options[name.replace("-", "_")]) for name in ("port", "redis-port"))
        return asyncio.run(_run(data, choose(data, port=port, redis_port=redis_port)))


def _given(name: str, port: int | None) -> int | None:
    if port is not None and not 0 < port < 65536:
        raise UsageError.option(name, f"{port} is no port; give 1 to 65535, or nothing for a free one")
    return port


async def _run(data: Path, addresses: Addresses) -> int:
    if await migrate(data):
        sys.stderr.write("the database could not be brought up to date\n")
        return 1
    addresses.save(data)
    supervisor = Supervisor(waves(data, addresses), say)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, supervisor.stop.set)

    await supervisor.run(lambda: say(f"ready: {addresses.web_url}"))
    return 0
