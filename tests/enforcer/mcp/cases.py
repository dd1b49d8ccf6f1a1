"""Requests as an honest client sends them; a test changes the one thing it is about."""

import json
from collections.abc import Mapping, Sequence

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.admission import Admitted, HttpRequest, Refusal, admit_message
from enforcer.mcp.sessions import Session, Sessions

MODERN = "2026-07-28"
VERSION = "mcp-protocol-version"
ADA, EVE = ("drawbridge", "ada"), ("drawbridge", "eve")
META: JsonObject = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
INITIALIZE: JsonObject = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"roots": {}, "sampling": {}},
    "clientInfo": {"name": "test", "version": "1"},
}
Headers = Mapping[str, str | Sequence[str] | None]


def http(body: "JsonValue | bytes" = b"", headers: Headers | None = None, *, method: str = "POST") -> HttpRequest:
    """A request with the usual headers; `None` takes one away, a list gives it several lines."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    whole: dict[str, str | Sequence[str] | None] = {
        "host": "gate:8801",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        **(headers or {}),
    }
    lines = [
        (name.lower().encode(), line.encode("latin-1"))
        for name, value in whole.items()
        if value is not None
        for line in ([value] if isinstance(value, str) else value)
    ]
    return HttpRequest(method, "/mcp", b"", tuple(lines), raw)


def rpc(method: str, params: JsonObject | None = None, *, id: JsonValue = 1) -> JsonObject:  # noqa: A002
    """A request; with `id=None` a notification."""
    made: JsonObject = {"jsonrpc": "2.0", "method": method, "params": params or {}}
    return made if id is None else {**made, "id": id}


def modern(
    method: str,
    params: JsonObject | None = None,
    headers: Headers | None = None,
    *,
    id: JsonValue = 1,  # noqa: A002
) -> HttpRequest:
    """Of 2026-07-28, headers and body agreeing."""
    whole = {"_meta": META, **(params or {})}
    base: dict[str, str | Sequence[str] | None] = {VERSION: MODERN, "mcp-method": method}
    if isinstance(name := whole.get("name"), str):
        base["mcp-name"] = name
    return http(rpc(method, whole, id=id), {**base, **(headers or {})})


def call(name: str = "echo", arguments: JsonObject | None = None, headers: Headers | None = None) -> HttpRequest:
    """A modern `tools/call`."""
    return modern("tools/call", {"name": name, "arguments": arguments or {}}, headers)


def legacy(
    session: Session, method: str, params: JsonObject | None = None, headers: Headers | None = None, **more: JsonValue
) -> HttpRequest:
    """Within a session of the handshake era."""
    base: dict[str, str | Sequence[str] | None] = {
        "mcp-session-id": session.id,
        VERSION: session.protocol_version,
    }
    return http(rpc(method, params, id=more.get("id", 1)), {**base, **(headers or {})})


def some_sessions() -> Sessions:
    """An empty table."""
    return Sessions(on_end=lambda _: None)


def a_session(sessions: Sessions, *, version: str = "2025-11-25", server: str = "files") -> Session:
    """One of ada's, in use."""
    session = sessions.open(ADA, server, 100.0)
    sessions.established(session, protocol_version=version, upstream_session_id="theirs")
    return session


def admit(
    request: HttpRequest, sessions: Sessions | None = None, *, principal: tuple[str, str] = ADA, now: float = 100.0
) -> Admitted | Refusal:
    """`admit_message` at the server `files` with small limits."""
    return admit_message(
        request,
        sessions=sessions if sessions is not None else some_sessions(),
        principal=principal,
        server_id="files",
        max_bytes=10_000,
        now=now,
    )


def passed(request: HttpRequest, sessions: Sessions | None = None) -> Admitted:
    """Admitted, or the test fails and says why not."""
    found = admit(request, sessions)
    assert isinstance(found, Admitted), found
    return found


def refused(request: HttpRequest, sessions: Sessions | None = None) -> tuple[int, int]:
    """(HTTP status, JSON-RPC code), or the test fails because it was admitted."""
    found = admit(request, sessions)
    assert isinstance(found, Refusal), found
    return found.fit.status, found.fit.code
