"""Requests and expectations shared by the upstream tests."""

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import Upstream, UpstreamRequest

META: JsonObject = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
INITIALIZE: JsonObject = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def a_request(
    method: str = "tools/list",
    params: JsonObject | None = None,
    *,
    id: str | None = "r1",  # noqa: A002 - the field's own name
    owner: str = "ada",
    timeout_s: float | None = 20,
    max_response_bytes: int = 1_000_000,
    session_id: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> UpstreamRequest:
    """A request, or with `id=None` a notification, of the legacy era unless `params` carry `_meta`."""
    message: JsonObject = {"jsonrpc": "2.0", "method": method, "params": params or {}}
    if id is not None:
        message["id"] = id
    version = "2026-07-28" if "_meta" in (params or {}) else "2025-11-25"
    return UpstreamRequest(message, owner, version, timeout_s, max_response_bytes, headers, session_id)


def a_modern_request(method: str, params: JsonObject | None = None, *, id: str = "r1") -> UpstreamRequest:  # noqa: A002
    """A request that carries its era with it, headers included."""
    params = {**(params or {}), "_meta": META}
    name = params.get("name")
    headers = (("Mcp-Method", method),) + ((("Mcp-Name", name),) if isinstance(name, str) else ())
    return a_request(method, params, id=id, headers=headers)


async def messages_of(upstream: Upstream, request: UpstreamRequest) -> list[JsonObject]:
    """Everything that comes back."""
    async with upstream.exchange(request) as exchange:
        return [message async for message in exchange]


async def session_of(upstream: Upstream, *, owner: str = "session") -> str | None:
    """Open a legacy session and return the upstream's id of it."""
    async with upstream.exchange(a_request("initialize", INITIALIZE, owner=owner)) as exchange:
        (answer,) = [message async for message in exchange]
        session_id = exchange.session_id
    assert "result" in answer
    await messages_of(upstream, a_request("notifications/initialized", id=None, owner=owner, session_id=session_id))
    return session_id
