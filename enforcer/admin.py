"""What only operators may see, on `admin_listen`: `/metrics`, and `/readyz` in full.

Served in a thread and a loop of its own, so that it can tell when the loop that serves calls stands still.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Protocol

import uvicorn

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.answers import Answer
from enforcer.pipeline.client import Receive, Scope, Send, send_answer

STOP_S = 5.0


class Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again after an orderly end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing."""
        yield


class Exposes(Protocol):
    """Metrics, as `Metrics.text`."""

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """In the format that is asked for, and its content type."""
        ...


class Reports(Protocol):
    """Readiness, as `Readiness.report`."""

    def report(self) -> tuple[bool, JsonObject]:
        """(ready, everything). May block for seconds."""
        ...


class AdminApp:
    """Loopback only; the configuration sees to that."""

    def __init__(self, metrics: Exposes, readiness: Reports) -> None:
        self._metrics, self._readiness = metrics, readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """One request."""
        if scope["type"] != "http":
            return
        if scope["method"] not in ("GET", "HEAD"):
            await send_answer(send, Answer(405))
        elif scope["path"] == "/metrics":
            await self._text(scope, send)
        elif scope["path"] == "/readyz":
            ready, state = await asyncio.to_thread(self._readiness.report)
            await send_answer(send, Answer(200 if ready else 503, state))
        else:
            await send_answer(send, Answer(404))

    async def _text(self, scope: Scope, send: Send) -> None:
        accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
        body, content_type = await asyncio.to_thread(self._metrics.text, accept)
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class AdminServer:
    """Runs from `start` to `stop`."""

    def __init__(self, app: AdminApp, listening: socket.socket) -> None:
        self._listening = listening
        self._server = Server(
            uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False, server_header=False)
        )
        self._thread = threading.Thread(target=self._run, name="admin", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens; the port may have been the system's choice."""
        host, port = self._listening.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """And wait for the end."""
        self._server.should_exit = True
        self._thread.join(STOP_S)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listening]))
