"""The enforcer's HTTP face: a raw ASGI application. Reads one request, hands it to the pipeline, sends one answer.

Routes match the raw path exactly: a path that is spelt in another way is not this path (MCP_WIRE section 21, 7).
"""

from collections.abc import Awaitable, Callable

from enforcer.mcp.answers import Answer
from enforcer.mcp.requests import HttpRequest
from enforcer.pipeline.client import Client, Receive, Scope, Send, send_answer
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.run import handle

DRAIN_FACTOR = 10  # a body over the limit is read and dropped this far, so that the client can read the answer
WELL_KNOWN = "/.well-known/oauth-protected-resource"


HandedOn = Callable[[str, HttpRequest, Receive, Send], Awaitable[bool]]


async def _to_nobody(_server_id: str, _request: HttpRequest, _receive: Receive, _send: Send) -> bool:
    return False


class App:
    """`/mcp`, `/mcp/<server_id>`, `/healthz`, `/readyz` and the resource metadata of RFC 9728."""

    def __init__(self, gate: Gate, handed_on: HandedOn = _to_nobody) -> None:
        self._gate, self._handed_on = gate, handed_on
        self._routes = {f"/mcp/{server_id}": server_id for server_id in gate.servers}
        if len(gate.servers) == 1:
            self._routes["/mcp"] = next(iter(gate.servers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request; nothing else is spoken here."""
        if scope["type"] != "http":
            return
        path = bytes(scope.get("raw_path") or b"").partition(b"?")[0].decode("latin-1")
        server_id = self._routes.get(path)
        if server_id is None:
            await send_answer(send, self._beside(scope["method"], path))
            return
        body, gone = await _read(receive, self._gate.limits(server_id).max_request_bytes)
        if gone:
            return
        request = HttpRequest(
            method=scope["method"],
            path=path,
            query=scope["query_string"],
            headers=tuple(scope["headers"]),
            body=body,
            peer=str((scope.get("client") or ("",))[0]),
        )
        if not await self._handed_on(server_id, request, receive, send):
            await self.serve(server_id, request, receive, send)

    async def serve(self, server_id: str, request: HttpRequest, receive: Receive, send: Send) -> None:
        """A request that was read, here or by another worker."""
        client = Client(receive, send)
        await client.answer(await handle(self._gate, server_id, request, client))

    def _beside(self, method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return Answer(404)
        if path == "/healthz":
            return Answer(200, {"status": "alive"})
        if path == "/readyz":
            ready = self._gate.ready()
            return Answer(200 if ready else 503, {"status": "ready" if ready else "not ready"})
        return Answer(404) if not path.startswith(WELL_KNOWN) else self._metadata(path.removeprefix(WELL_KNOWN))

    def _metadata(self, resource_path: str) -> Answer:
        resource = resource_path or "/mcp"
        if resource not in self._routes:
            return Answer(404)
        return Answer(200, self._gate.resource_metadata(resource), (("access-control-allow-origin", "*"),))


async def _read(receive: Receive, limit: int) -> tuple[bytes, bool]:
    """(the body, at most one byte over the limit; whether the client is gone)."""
    parts: list[bytes] = []
    kept = dropped = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"", True
        part: bytes = message.get("body", b"")
        keep = part[: limit + 1 - kept]
        parts.append(keep)
        kept += len(keep)
        dropped += len(part) - len(keep)
        if not message.get("more_body", False) or dropped > limit * DRAIN_FACTOR:
            return b"".join(parts), False
