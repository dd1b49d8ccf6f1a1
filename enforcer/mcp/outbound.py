"""What goes to an upstream: written anew from what was checked, under our own ids; what is not named here stays out."""

from collections.abc import Mapping, Sequence

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.admitted import Admitted
from enforcer.mcp.eras import (
    HANDSHAKE_VERSIONS,
    LATEST_HANDSHAKE,
    LATEST_MODERN,
    META_CAPABILITIES,
    META_CLIENT,
    META_LOG_LEVEL,
    META_VERSION,
    Era,
)
from enforcer.mcp.headers import NAMED_BY, encode_value
from enforcer.mcp.param_headers import HeaderParam, param_headers
from enforcer.mcp.params import LOG_LEVELS

GATE: JsonObject = {"name": "drawbridge", "version": "1"}
_KEPT = {
    "tools/call": ("name", "arguments"),
    "tools/list": ("cursor",),
    "server/discover": (),
    "initialize": ("protocolVersion", "capabilities", "clientInfo"),
    "notifications/initialized": (),
    "notifications/cancelled": ("requestId",),
}
_MAX_TEXT = 256


def outbound(
    admitted: Admitted,
    *,
    upstream_id: str | None,
    progress_token: str | None = None,
    cursor: str | None = None,
    cancels: str | None = None,
    trace: Mapping[str, str] | None = None,
) -> JsonObject:
    """`cursor` is the upstream's own; `cancels` our id of the request that a `notifications/cancelled` names.

    `trace`: `traceparent` and `tracestate` as the gate continues them; what the client wrote there never goes on.
    """
    ours: JsonObject = {
        "arguments": admitted.arguments,
        "name": admitted.params.get("name"),
        "cursor": cursor,
        "protocolVersion": _offer(admitted.params.get("protocolVersion")),
        "capabilities": {},  # nothing that would let the upstream ask the client for anything
        "clientInfo": implementation(admitted.params.get("clientInfo")) or GATE,
        "requestId": cancels,
    }
    params: JsonObject = {key: ours[key] for key in _KEPT[admitted.method] if ours[key] is not None}
    meta = {**_meta(admitted, progress_token), **(trace or {})}
    if meta:
        params["_meta"] = meta
    return message(admitted.method, params, upstream_id)


def own_request(era: Era, method: str, *, upstream_id: str, params: JsonObject | None = None) -> JsonObject:
    """A request that the gate itself makes: `tools/list` for its catalog, `initialize` before it."""
    whole: JsonObject = dict(params or {})
    if era == "modern":
        whole["_meta"] = {META_VERSION: LATEST_MODERN, META_CAPABILITIES: {}, META_CLIENT: GATE}
    elif method == "initialize":
        whole.update({"protocolVersion": LATEST_HANDSHAKE, "capabilities": {}, "clientInfo": GATE})
    return message(method, whole, upstream_id)


def message(method: str, params: JsonObject, upstream_id: str | None) -> JsonObject:
    """A request, or without an id a notification."""
    made: JsonObject = {"jsonrpc": "2.0", "method": method, "params": params}
    return made if upstream_id is None else {**made, "id": upstream_id}


def upstream_headers(
    era: Era, outgoing: JsonObject, declared: Sequence[HeaderParam] = ()
) -> tuple[tuple[str, str], ...]:
    """The routing headers of a modern message, from its own body; the version header is the transport's."""
    method, params = outgoing["method"], outgoing["params"]
    if era == "legacy" or "id" not in outgoing or not isinstance(method, str) or not isinstance(params, dict):
        return ()
    made = [("Mcp-Method", method)]
    named = params.get(NAMED_BY.get(method, ""))
    if isinstance(named, str):
        made.append(("Mcp-Name", encode_value(named)))
    arguments = params.get("arguments")
    if isinstance(arguments, dict):
        made.extend(param_headers(declared, arguments))
    return tuple(made)


def answer_to_server(request: JsonObject) -> JsonObject:
    """What a server hears that asks the client something: a ping is answered, all else does not exist here."""
    head: JsonObject = {"jsonrpc": "2.0", "id": request.get("id")}
    if request.get("method") == "ping":
        return {**head, "result": {}}
    return {**head, "error": {"code": -32601, "message": "The client offers no such method."}}


def _offer(version: JsonValue) -> str:
    return version if isinstance(version, str) and version in HANDSHAKE_VERSIONS else LATEST_HANDSHAKE


def _meta(admitted: Admitted, progress_token: str | None) -> JsonObject:
    given = admitted.params.get("_meta")
    given = given if isinstance(given, dict) else {}
    made: JsonObject = {}
    if admitted.era == "modern":
        made = {META_VERSION: admitted.protocol_version, META_CAPABILITIES: {}}
        client, level = implementation(given.get(META_CLIENT)), given.get(META_LOG_LEVEL)
        if client:
            made[META_CLIENT] = client
        if isinstance(level, str) and level in LOG_LEVELS:
            made[META_LOG_LEVEL] = level
    if progress_token is not None and admitted.progress_token is not None:
        made["progressToken"] = progress_token
    return made


def implementation(info: JsonValue) -> JsonObject | None:
    """The texts of an `Implementation` that show nothing but a name; None where it has no name or version."""
    if not isinstance(info, dict):
        return None
    made: JsonObject = {}
    for key in ("name", "title", "version"):
        value = info.get(key)
        if isinstance(value, str):
            made[key] = value[:_MAX_TEXT]
    return made if "name" in made and "version" in made else None
