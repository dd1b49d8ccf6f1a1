"""The first look at a request, before authentication and before the body: is it HTTP as this endpoint speaks it?

Order of MCP_WIRE section 8: Host and Origin, framing, method, Accept, content type.
"""

from collections.abc import Collection

from enforcer.mcp.eras import MODERN_VERSIONS, VERSION_HEADER
from enforcer.mcp.faults import Fault, Refusal
from enforcer.mcp.requests import HttpRequest

# Doubled, each of these would be read differently by different readers.
_SINGLE = frozenset(
    (
        b"authorization",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"transfer-encoding",
        b"mcp-session-id",
    )
)
_BOTH = ("application/json", "text/event-stream")


def admit_transport(
    request: HttpRequest, *, allowed_hosts: Collection[str], allowed_origins: Collection[str]
) -> Refusal | None:
    """None where the request may go on. Both lists are lower-case; a host without a port allows every port."""
    refusal = (
        _host(request, allowed_hosts) or _origin(request, allowed_origins) or _framing(request) or _method(request)
    )
    if refusal is not None or request.method == "DELETE":
        return refusal
    if request.method == "GET":
        return _accept(request, ("text/event-stream",))
    return _accept(request, _BOTH) or _content(request)


def _host(request: HttpRequest, allowed: Collection[str]) -> Refusal | None:
    value = request.one("host")
    if isinstance(value, str):
        value = value.lower()
        name = value if value.endswith("]") else value.rpartition(":")[0] or value
        if value in allowed or name in allowed:
            return None
    return Refusal(Fault.HOST, "This gate does not answer for the host that the request names.")


def _origin(request: HttpRequest, allowed: Collection[str]) -> Refusal | None:
    value = request.one("origin")
    if value is None or (isinstance(value, str) and value != "null" and value.lower() in allowed):
        return None
    return Refusal(Fault.ORIGIN, "Pages of this origin may not use the gate.")


def _framing(request: HttpRequest) -> Refusal | None:
    present = [name for name, _ in request.headers if name in _SINGLE]
    if len(set(present)) != len(present):
        return Refusal(Fault.FRAMING, "A header stands twice that may stand once.")
    if b"transfer-encoding" in present and b"content-length" in present:
        return Refusal(Fault.FRAMING, "The body has two lengths.")
    if request.query:
        return Refusal(Fault.FRAMING, "This endpoint takes no query; a token belongs into the Authorization header.")
    return None


def _method(request: HttpRequest) -> Refusal | None:
    modern = request.first(VERSION_HEADER) in MODERN_VERSIONS
    offered = ("POST",) if modern else ("POST", "GET", "DELETE")
    if request.method in offered:
        return None
    allow = (("Allow", ", ".join(offered)),)
    return Refusal(Fault.HTTP_METHOD, "This endpoint does not offer this HTTP method.", headers=allow)


def _accept(request: HttpRequest, needed: Collection[str]) -> Refusal | None:
    wanted = [part.strip().lower() for line in request.lines("accept") for part in line.split(",")]
    taken = {kind.partition(";")[0].strip() for kind in wanted if not _is_refused(kind)}
    for kind in needed:
        if not taken & {kind, kind.partition("/")[0] + "/*", "*/*"}:
            return Refusal(Fault.ACCEPT, f"The client must accept {' and '.join(needed)}.")
    return None


def _is_refused(kind: str) -> bool:
    """`q=0` says that the client does not take it (RFC 9110 section 12.4.2)."""
    qualities = [p.strip()[2:] for p in kind.split(";")[1:] if p.strip().startswith("q=")]
    return any(quality.strip("0.") == "" for quality in qualities)


def _content(request: HttpRequest) -> Refusal | None:
    kind, *parameters = [part.strip().lower() for part in (request.first("content-type") or "").split(";")]
    charsets = {p for p in parameters if p.startswith("charset")}
    if kind != "application/json" or charsets - {"charset=utf-8", 'charset="utf-8"'}:
        return Refusal(Fault.MEDIA_TYPE, "The body must be application/json in UTF-8.")
    if (request.first("content-encoding") or "identity").lower() != "identity":
        return Refusal(Fault.MEDIA_TYPE, "The body must not be compressed.")
    return None
