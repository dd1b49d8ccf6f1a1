"""A line of a client as the HTTP request that it would have sent: the same stages read it. Pure.

There are no headers on standard input, so they are made from the line itself (MCP_WIRE section 5): what a header could
say otherwise than the body does not exist here. What can't be read goes as it is, and is refused with a receipt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from enforcer.contract.strict_json import JsonObject, StrictJsonError, parse_object
from enforcer.mcp.eras import LATEST_MODERN, META_VERSION, VERSION_HEADER, Era
from enforcer.mcp.legacy import SESSION_HEADER
from enforcer.mcp.outbound import upstream_headers
from enforcer.mcp.param_headers import HeaderParam
from enforcer.mcp.requests import HttpRequest


@dataclass(frozen=True, slots=True)
class Line:
    """`message` is empty where the line is no JSON object."""

    raw: bytes
    message: JsonObject

    @property
    def version(self) -> str | None:
        """What the message says of itself in the modern era; none is the handshake era."""
        params = self.message.get("params")
        meta = params.get("_meta") if isinstance(params, dict) else None
        said = meta.get(META_VERSION) if isinstance(meta, dict) else None
        return said if isinstance(said, str) else None

    @property
    def era(self) -> Era:
        """Of this message."""
        return "legacy" if self.version is None else "modern"

    @property
    def is_request(self) -> bool:
        """Whether it wants an answer, or is so odd that it gets one."""
        return "method" not in self.message or self.message.get("id") is not None

    @property
    def tool(self) -> str:
        """Of a call."""
        params = self.message.get("params")
        name = params.get("name") if isinstance(params, dict) and self.message.get("method") == "tools/call" else None
        return name if isinstance(name, str) else ""


@dataclass(frozen=True, slots=True)
class Session:
    """Of the handshake era: what `initialize` brought."""

    id: str
    version: str


def read_line(raw: bytes) -> Line:
    """Never refuses."""
    try:
        return Line(raw, parse_object(raw))
    except StrictJsonError:
        return Line(raw, {})


def request_of(
    line: Line, *, token: str | None, public_url: str, session: Session | None, declared: Sequence[HeaderParam]
) -> HttpRequest:
    """`declared`: the arguments of the tool that a client repeats in headers."""
    headers = [*_common(public_url, token), ("content-type", "application/json")]
    if line.version is not None:
        headers.append((VERSION_HEADER, line.version))
        headers += _routing(line, declared)
    elif session is not None:
        headers += [(VERSION_HEADER, session.version), (SESSION_HEADER, session.id)]
    elif not line.is_request:  # of the modern era, which has nothing in a notification that says so
        headers.append((VERSION_HEADER, LATEST_MODERN))
    return HttpRequest("POST", "/mcp", b"", _raw(headers), line.raw)


def stream_request(session: Session, *, method: str, token: str | None, public_url: str) -> HttpRequest:
    """GET: the stream of a session; DELETE: its end."""
    headers = [*_common(public_url, token), (VERSION_HEADER, session.version), (SESSION_HEADER, session.id)]
    return HttpRequest(method, "/mcp", b"", _raw(headers), b"")


def _common(public_url: str, token: str | None) -> list[tuple[str, str]]:
    found = [("host", urlsplit(public_url).netloc), ("accept", "application/json, text/event-stream")]
    return found if token is None else [*found, ("authorization", f"Bearer {token}")]


def _routing(line: Line, declared: Sequence[HeaderParam]) -> list[tuple[str, str]]:
    """What can't be written as headers is left out, and the request refused for it."""
    try:
        return list(upstream_headers("modern", line.message, declared))
    except (KeyError, TypeError, ValueError):
        return []


def _raw(headers: Sequence[tuple[str, str]]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers)
