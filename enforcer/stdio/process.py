"""`enforcer stdio`: one enforcer process that a client launches, for as long as it keeps the pipes open."""

import asyncio
import json
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from io import FileIO
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from enforcer.config import Config
from enforcer.config_file import Upstream
from enforcer.contract.keys import SigningKey
from enforcer.discovery.hear import hear
from enforcer.discovery.watch import watch
from enforcer.enrol import enrol_if_invited
from enforcer.errors import ConfigurationError
from enforcer.journal.journal import Journal
from enforcer.listening import start_admin
from enforcer.mcp.upstream.lines import LineSplitter
from enforcer.metrics import Metrics
from enforcer.parts import Parts
from enforcer.pipeline.server import GatedServer
from enforcer.sandbox.launch import Host
from enforcer.sandbox.probe import probe
from enforcer.secrets_on_disk import read_secret, signing_key
from enforcer.stdio.client import Write
from enforcer.stdio.front import Front

TOKEN = "client.token"  # noqa: S105 - a file's name
CHUNK = 64 * 1024
AHEAD = 16  # lines read before they are taken
FIRST_POLICY_S = 5.0


def stdio(config: Config, *, server: str | None, token_file: Path | None, dropped_lines: Callable[[], int]) -> int:
    """Serve until standard input ends; 0 then. Nothing but messages is written to standard output."""
    server_id = the_server(config, server)
    enrol_if_invited(config)
    key = signing_key(config.data_dir)
    read_secret(config.data_dir / config.file.policy_redis.password_file)
    token = partial(_token, token_file or config.data_dir / TOKEN)
    journal = Journal.open(config.data_dir, enforcer_id=config.enforcer_id)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(config, key, journal, server_id, token, dropped_lines))
    finally:
        journal.close()
    return 0


def snippet(config: Config, server: str | None, token_file: Path | None) -> str:
    """What a client's configuration wants to hear."""
    server_id = the_server(config, server)
    args = ["stdio", str(config.path.absolute())]
    args += ["--server", server_id] if len(config.server_ids) > 1 else []
    args += ["--token-file", str(token_file.absolute())] if token_file else []
    program = Path(sys.argv[0])
    command = str(program.absolute()) if program.exists() else "enforcer"
    return json.dumps({"mcpServers": {server_id: {"command": command, "args": args}}}, indent=2)


def the_server(config: Config, given: str | None) -> str:
    """That of the command line, or the only one of the file."""
    for upstream in config.file.upstream:
        if upstream.embedded:
            raise config.problem("upstream", f"{upstream.server} is embedded in a program; open this file there")
    if given is None and len(config.server_ids) == 1:
        return config.server_ids[0]
    if given not in config.server_ids:
        what = "is missing" if given is None else f"{given!r} is not in the file"
        raise ConfigurationError(f"command line:1: --server: {what}; name one of {', '.join(config.server_ids)}")
    return given


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
    host = Host(probe(), config.data_dir, Path.home())

    def gated(upstream: Upstream, metrics: Metrics, on_list_changed: Callable[[], None]) -> GatedServer:
        return GatedServer(upstream, config, host, partial(metrics.started, upstream.server), on_list_changed)

    parts = Parts(config, key, journal, gated, (urlsplit(config.file.public_url).netloc.lower(),))
    admin, lines = start_admin(config, parts, dropped_lines), asyncio.Queue[bytes | None](AHEAD)
    _end_on_signals(lines)
    async with asyncio.TaskGroup() as tasks:
        loops = [parts.link.run(), parts.watch.run()]
        loops += [watch(parts.gate, id_, config.file.list_every_s) for id_ in config.server_ids]
        loops += [hear(parts.gate, id_) for id_ in config.server_ids]
        background = [tasks.create_task(each) for each in loops]
        parts.shipper.start()
        try:
            async with asyncio.timeout(FIRST_POLICY_S):  # a client that launches a server speaks to it at once
                await parts.link.wait_ready()
        except TimeoutError:
            pass
        _read_lines(lines, lambda: parts.gate.limits(server_id).max_request_bytes)
        await Front(parts.gate, server_id, token, _writer()).serve(lines)
        parts.gate.streams.end_all("the client closed its end")
        for task in background:
            task.cancel()
        await parts.close()
        if admin is not None:
            await asyncio.to_thread(admin.stop)


def _end_on_signals(lines: "asyncio.Queue[bytes | None]") -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        while lines.full():
            lines.get_nowait()
        lines.put_nowait(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)


def _writer() -> Write:
    """One line at a time, whole; the loop doesn't wait for a client that doesn't read."""
    lock, out = threading.Lock(), sys.stdout.buffer

    def write(raw: bytes) -> None:
        with lock:
            out.write(raw + b"\n")
            out.flush()

    async def written(raw: bytes) -> None:
        try:
            await asyncio.to_thread(write, raw)
        except BrokenPipeError:  # the end of input follows
            pass

    return written


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
