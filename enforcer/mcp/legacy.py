"""Admission in the handshake era: `initialize` first, then messages of a session that this gate gave out.

`Mcp-Method`, `Mcp-Name` and `Mcp-Param-*` mean nothing here and are not read (MCP_WIRE sections 1, 2 and 8).
"""

from enforcer.mcp.admitted import Admitted, admitted
from enforcer.mcp.eras import LATEST_HANDSHAKE, META_VERSION, WITHOUT_VERSION_HEADER
from enforcer.mcp.faults import Fault, Refusal
from enforcer.mcp.messages import Message
from enforcer.mcp.methods import Treatment, treatment_of
from enforcer.mcp.params import params_problem
from enforcer.mcp.requests import HttpRequest
from enforcer.mcp.sessions import Principal, Session, Sessions

SESSION_HEADER = "mcp-session-id"
_UNKNOWN = "There is no such session; initialize again, without a session id."
_VERSION = "The header MCP-Protocol-Version must be the revision that initialize agreed on."


def admit_legacy(
    message: Message,
    request: HttpRequest,
    *,
    version: str | None,
    sessions: Sessions,
    principal: Principal,
    server_id: str,
    now: float,
) -> Admitted | Refusal:
    """`version` is the header's, of a handshake revision, or none."""
    if META_VERSION in message.meta:
        return message.refuse(Fault.HEADER_MISMATCH, "The body names a revision that its headers do not.")
    session_id = request.first(SESSION_HEADER)
    if session_id is None:
        return _opening(message, version)
    session = sessions.find(session_id, principal, server_id, now)
    if session is None:
        return message.refuse(Fault.NO_SESSION, _UNKNOWN)
    if not _agrees(version, session):
        return message.refuse(Fault.NOT_A_MESSAGE, _VERSION)
    return _within(message, session)


def _opening(message: Message, version: str | None) -> Admitted | Refusal:
    treatment = treatment_of("legacy", message)
    if treatment is not Treatment.OPEN:
        return message.refuse(Fault.NOT_A_MESSAGE, "There is no session; initialize first.")
    problem = params_problem(message)
    if problem is not None:
        return message.refuse(Fault.PARAMS, problem)
    return admitted(message, era="legacy", version=version or LATEST_HANDSHAKE, treatment=treatment)


def _within(message: Message, session: Session) -> Admitted | Refusal:
    treatment = treatment_of("legacy", message)
    if treatment is None:
        return message.refuse(Fault.UNKNOWN_METHOD_LEGACY, "This gate does not pass this method.")
    if treatment is Treatment.OPEN:
        return message.refuse(Fault.NOT_A_MESSAGE, "This session is initialized already.")
    if message.id is not None and message.id in session.in_flight:
        return message.refuse(Fault.NOT_A_MESSAGE, "A request with this id has no answer yet.")
    problem = params_problem(message)
    if problem is not None and message.kind == "notification":
        treatment = Treatment.DROP  # a notification has no answer that could say so
    elif problem is not None:
        return message.refuse(Fault.PARAMS, problem)
    version = session.protocol_version
    assert version is not None, "sessions without a version are not found"
    return admitted(message, era="legacy", version=version, treatment=treatment, session=session)


def admit_bodiless(
    request: HttpRequest,
    *,
    version: str | None,
    sessions: Sessions,
    principal: Principal,
    server_id: str,
    now: float,
) -> Admitted | Refusal:
    """GET opens the stream of a session, DELETE ends it: only its owner can."""
    session_id = request.first(SESSION_HEADER)
    if session_id is None:
        return Refusal(Fault.FRAMING, "The header Mcp-Session-Id is missing.", method=request.method)
    session = sessions.find(session_id, principal, server_id, now)
    if session is None:
        return Refusal(Fault.NO_SESSION, _UNKNOWN, method=request.method)
    if not _agrees(version, session):
        return Refusal(Fault.FRAMING, _VERSION, method=request.method)
    agreed = session.protocol_version or LATEST_HANDSHAKE
    treatment = Treatment.LISTEN if request.method == "GET" else Treatment.END
    return Admitted("legacy", agreed, "bodiless", treatment, request.method, None, {}, session=session)


def _agrees(version: str | None, session: Session) -> bool:
    if version is None:
        return session.protocol_version in WITHOUT_VERSION_HEADER
    return version == session.protocol_version
