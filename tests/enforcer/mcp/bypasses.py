"""The refused items of MCP_WIRE section 21: (number, what is tried, request, expected); and who decides the others."""

import json
from collections.abc import Callable
from dataclasses import replace

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.requests import HttpRequest
from enforcer.mcp.sessions import Session
from tests.enforcer.mcp.cases import INITIALIZE, META, MODERN, VERSION, call, http, legacy, modern, rpc

ELSEWHERE = {
    21: "arguments: the tool's schema",
    22: "arguments: the tool's schema",
    23: "arguments: the tool's schema",
    24: "arguments: the grant's constraint",
    25: "arguments: paths and URLs",
    26: "grants: default deny",
    36: "upstreams: one reader for every answer",
    37: "upstreams: one reader for every answer",
    43: "pipeline: the catalog compares with the pin",
    47: "identity: the token's audience",
    48: "pipeline: no stream is left open",
    49: "sandbox and deployment",
}
DELETE_ALL = rpc("tools/call", {"name": "delete_all"})
WHOLE: JsonObject = {"name": "x", "_meta": META}
STATE: JsonObject = {"name": "x", "requestState": "s"}
ANSWERED: JsonObject = {"name": "x", "inputResponses": {"confirm": {"action": "accept"}}}
Make = Callable[[Session], HttpRequest]


def raw(text: str | bytes) -> Make:
    """A modern request with exactly this body."""
    body = text.encode() if isinstance(text, str) else text
    headers = {VERSION: MODERN, "mcp-method": "tools/call", "mcp-name": "safe"}
    return lambda _: http(body, headers)


def within(session: Session, body: JsonValue) -> HttpRequest:
    """Anything at all, in the session's name."""
    return http(body, {"mcp-session-id": session.id, VERSION: session.protocol_version})


def modern_text(**replacements: str) -> str:
    """A modern call of `safe` as text, with pieces of it replaced."""
    text = json.dumps(rpc("tools/call", {"name": "safe", "arguments": {"amount": 1}, "_meta": META}))
    for old, new in replacements.items():
        wanted = {"method": '"method": "tools/call"', "name": '"name": "safe"', "amount": "1}, ", "id": '"id": 1'}[old]
        assert text.count(wanted) == 1, old
        text = text.replace(wanted, new)
    return text


REFUSED: list[tuple[int, str, Make, tuple[int, int]]] = [
    (2, "two version headers", lambda s: legacy(s, "ping", {}, {VERSION: ["2025-11-25", MODERN]}), (400, -32020)),
    (3, "no version header, modern body", lambda _: http(rpc("tools/call", WHOLE)), (400, -32020)),
    (3, "handshake header, modern body", lambda s: legacy(s, "tools/call", WHOLE), (400, -32020)),
    (3, "nothing at all", lambda _: http(DELETE_ALL), (400, -32600)),
    (3, "a version header alone", lambda _: http(DELETE_ALL, {VERSION: "2025-11-25"}), (400, -32600)),
    (5, "another version than negotiated", lambda s: legacy(s, "ping", {}, {VERSION: "2025-03-26"}), (400, -32600)),
    (8, "initialize twice", lambda s: legacy(s, "initialize", INITIALIZE), (400, -32600)),
    (9, "no handshake", lambda _: http(DELETE_ALL, {"mcp-session-id": "x", VERSION: "2025-11-25"}), (404, -32600)),
    (10, "method twice", raw(modern_text(method='"method":"tools/list","method":"tools/call"')), (400, -32700)),
    (10, "name twice", raw(modern_text(name='"name":"safe","name":"delete_all"')), (400, -32700)),
    (12, "UTF-16", raw(modern_text().encode("utf-16")), (400, -32700)),
    (13, "byte order mark", raw(b"\xef\xbb\xbf" + modern_text().encode()), (400, -32700)),
    (15, "a request with a result", lambda _: http({**DELETE_ALL, "result": {}}), (400, -32600)),
    (16, "a batch", lambda s: within(s, [rpc("ping"), DELETE_ALL]), (400, -32600)),
    (16, "an empty batch", lambda s: within(s, []), (400, -32600)),
    (17, "an id that rounds", raw(modern_text(id='"id": 9007199254740993')), (400, -32700)),
    (17, "an id in flight", lambda s: legacy(s, "ping", id=5), (400, -32600)),
    (19, "NaN", raw(modern_text(amount="NaN}, ")), (400, -32700)),
    (19, "Infinity", raw(modern_text(amount="-Infinity}, ")), (400, -32700)),
    (19, "1e400", raw(modern_text(amount="1e400}, ")), (400, -32700)),
    (27, "other arguments under a state", lambda _: modern("tools/call", STATE), (400, -32602)),
    (28, "answers nobody asked for", lambda _: modern("tools/call", ANSWERED), (400, -32602)),
    (29, "another's state", lambda s: legacy(s, "tools/call", STATE), (400, -32602)),
    (30, "completion", lambda _: modern("completion/complete", {"ref": {}}), (404, -32601)),
    (31, "resources", lambda _: modern("resources/read", {"uri": "a:b"}, {"mcp-name": "a:b"}), (404, -32601)),
    (32, "prompts", lambda s: legacy(s, "prompts/get", {"name": "p"}), (200, -32601)),
    (33, "subscribe", lambda s: legacy(s, "resources/subscribe", {"uri": "a:b"}), (200, -32601)),
    (35, "a guessed response", lambda s: within(s, {"jsonrpc": "2.0", "id": 1, "result": {}}), (400, -32600)),
    (38, "a task", lambda s: legacy(s, "tools/call", {"name": "x", "task": {"ttl": 1}}), (400, -32602)),
    (38, "the tasks of others", lambda s: legacy(s, "tasks/list"), (200, -32601)),
]  # fmt: skip


AT_THE_DOOR: list[tuple[int, str, HttpRequest, int]] = [
    (7, "a query", replace(call(), query=b"x=1"), 400),
    (20, "two content types", call(headers={"content-type": ["application/json", "text/plain"]}), 400),
    (20, "compressed", call(headers={"content-encoding": "gzip"}), 415),
    (20, "two lengths", call(headers={"content-length": "5", "transfer-encoding": "chunked"}), 400),
    (20, "one answer type", call(headers={"accept": "application/json"}), 406),
    (20, "a form", call(headers={"content-type": "application/x-www-form-urlencoded"}), 415),
    (34, "an event id by itself", http(headers={"last-event-id": "e354", VERSION: MODERN}, method="GET"), 405),
    (52, "another method", replace(call(), method="DELETE"), 405),
]
