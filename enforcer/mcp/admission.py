"""The way in: what a request must be before anybody asks who may do what (MCP_WIRE sections 1, 7 and 8).

First `admit_transport`, then the caller is authenticated, then `admit_message`. Pure; a refusal is a value.
"""

from enforcer.contract.strict_json import MAX_DEPTH
from enforcer.mcp.admitted import Admitted
from enforcer.mcp.eras import HANDSHAKE_VERSIONS, VERSION_HEADER
from enforcer.mcp.faults import Fault, Refusal
from enforcer.mcp.legacy import admit_bodiless, admit_legacy
from enforcer.mcp.messages import Message, read_message
from enforcer.mcp.modern import admit_modern
from enforcer.mcp.requests import HttpRequest, Twice
from enforcer.mcp.sessions import Principal, Sessions
from enforcer.mcp.transport import admit_transport

_TWICE = "The header MCP-Protocol-Version stands twice."
__all__ = ["Admitted", "HttpRequest", "Refusal", "admit_message", "admit_transport"]


def admit_message(
    request: HttpRequest,
    *,
    sessions: Sessions,
    principal: Principal,
    server_id: str,
    max_bytes: int,
    now: float,
    max_depth: int = MAX_DEPTH,
) -> Admitted | Refusal:
    """`principal` is (issuer, subject) of the authenticated caller. `max_bytes` and `max_depth` bound the body."""
    version = request.one(VERSION_HEADER)
    if request.method != "POST":
        if isinstance(version, Twice):
            return Refusal(Fault.HEADER_MISMATCH, _TWICE, method=request.method)
        return admit_bodiless(
            request, version=version, sessions=sessions, principal=principal, server_id=server_id, now=now
        )
    message = read_message(request.body, max_bytes=max_bytes, max_depth=max_depth)
    if not isinstance(message, Message):
        return message
    if isinstance(version, Twice):
        return message.refuse(Fault.HEADER_MISMATCH, _TWICE)
    if version is not None and version not in HANDSHAKE_VERSIONS:
        return admit_modern(message, request, version=version)
    return admit_legacy(
        message,
        request,
        version=version,
        sessions=sessions,
        principal=principal,
        server_id=server_id,
        now=now,
    )
