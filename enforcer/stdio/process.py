"""`enforcer stdio`: one enforcer process that a client launches, for as long as it keeps the pipes open."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from enforcer.config import Config
from enforcer.contract.keys import SigningKey
from enforcer.errors import ConfigurationError
from enforcer.journal.journal import Journal
from enforcer.mcp.upstream.lines import LineSplitter
from enforcer.parts import Parts
from enforcer.secrets_on_disk import read_secret
from enforcer.serving import beside_the_calls, gated_servers, own_key
from enforcer.stdio.front import Front
from enforcer.stdio.output import Output

TOKEN = "client.token"  # noqa: S105 - a file's name
CHUNK = 64 * 1024
AHEAD = 16  # lines read before they are taken
FIRST_POLICY_S = 5.0


def stdio(config: Config, *, server: str | None, token_file: Path | None, dropped_lines: Callable[[], int]) -> int:
    """Serve until standard input ends; 0 then. Nothing but messages is written to standard output."""
    server_id, key = config.server_named(server), own_key(config)
    token = partial(_token, token_file or config.data_dir / TOKEN)
    journal = Journal.open(config.data_dir, enforcer_id=config.enforcer_id)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(config, key, journal, server_id, token, dropped_lines))
    finally:
        journal.close()
    return 0


def _token(path: Path) -> str | None:
    """Read anew for each message, so that it can be rotated; without one every call is `DENY_NO_AUTHN`."""
    try:
        return read_secret(path) or None
    except ConfigurationError:
        return None


async def _serve(
    config: Config,
    key: SigningKey,
    journal: Journal,
    server_id: str,
    token: Callable[[], str | None],
    dropped_lines: Callable[[], int],
) -> None:
    hosts = (urlsplit(config.file.public_url).netloc.lower(),)
    parts = Parts(config, key, journal, gated_servers(config), hosts)
    lines = asyncio.Queue[bytes | None](AHEAD)
    _end_on_signals(lines)
    async with beside_the_calls(config, parts, dropped_lines):
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_POLICY_S):  # a client that launches a server speaks to it at once
                await parts.link.wait_ready()
        _read_lines(lines, lambda: parts.gate.limits(server_id).max_request_bytes)
        await Front(parts.gate, server_id, token, Output(sys.stdout.buffer).write).serve(lines)
        parts.gate.streams.end_all("the client closed its end")


def _end_on_signals(lines: "asyncio.Queue[bytes | None]") -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        while lines.full():
            lines.get_nowait()
        lines.put_nowait(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)


def _read_lines(lines: "asyncio.Queue[bytes | None]", limit: Callable[[], int]) -> None:
    """In a thread: a pipe that is inherited may block. A line that is too long is handed on as one that is refused."""
    loop, source = asyncio.get_running_loop(), FileIO(sys.stdin.fileno(), closefd=False)

    def put(line: bytes | None) -> None:
        asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    def run() -> None:
        splitter = LineSplitter()
        try:
            while chunk := source.read(CHUNK):
                most = limit()
                for line in splitter.feed(chunk, most):
                    if line is None:
                        put(b" " * (most + 1))
                    elif line.strip():
                        put(line)
        finally:
            if not loop.is_closed():
                put(None)

    threading.Thread(target=run, name="standard input", daemon=True).start()
