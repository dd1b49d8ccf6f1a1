"""What only operators may see, on `admin_listen`: `/metrics`, and `/readyz` in full."""

from typing import Any

from enforcer.app import Receive, Scope, Send, send_answer
from enforcer.mcp.answers import Answer
from enforcer.pipeline.gate import Gate


class AdminApp:
    """Loopback only; the configuration sees to that."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """One request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/metrics":
            await self._metrics(send)
        elif scope["path"] == "/readyz":
            await send_answer(send, Answer(200 if self._gate.ready() else 503, self._state()))
        else:
            await send_answer(send, Answer(404))

    async def _metrics(self, send: Send) -> None:
        metrics = self._gate.metrics
        for server_id in self._gate.servers:
            age = self._gate.link.lease_age(server_id)
            metrics.lease_age.labels(server_id).set(float("nan") if age is None else age)
        metrics.journal_depth.set(self._gate.journal.depth())
        body = metrics.text()
        headers = [(b"content-type", b"text/plain; version=0.0.4"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _state(self) -> dict[str, Any]:
        return {
            "ready": self._gate.ready(),
            "journal": {"depth": self._gate.journal.depth(), "problem": self._gate.journal.problem()},
            "servers": {server_id: self._server(server_id) for server_id in self._gate.servers},
        }

    def _server(self, server_id: str) -> dict[str, Any]:
        policy = self._gate.link.current(server_id)
        return {
            "snapshot_version": policy.index.snapshot.version if policy else None,
            "incident_epoch": policy.incident.epoch if policy else None,
            "lease_age_s": self._gate.link.lease_age(server_id),
            "problems": list(self._gate.link.problems(server_id)),
        }
