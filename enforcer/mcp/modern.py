"""Admission in the era of 2026-07-28: every request is whole, and its headers repeat what its body says.

The order of the checks is MCP_WIRE section 8. Sessions mean nothing here: their header is not even read.
"""

from enforcer.contract.strict_json import JsonValue
from enforcer.mcp.admitted import Admitted, admitted
from enforcer.mcp.eras import LATEST_MODERN, META_CAPABILITIES, META_VERSION, MODERN_VERSIONS
from enforcer.mcp.faults import Fault, Refusal
from enforcer.mcp.headers import METHOD_HEADER, NAME_HEADER, routing_problem
from enforcer.mcp.messages import Message
from enforcer.mcp.methods import Treatment, treatment_of
from enforcer.mcp.params import params_problem
from enforcer.mcp.requests import TWICE, HttpRequest


def admit_modern(message: Message, request: HttpRequest, *, version: str) -> Admitted | Refusal:
    """`version` is the header's, of no handshake revision."""
    if message.kind == "notification":
        return _notification(message, version)
    refusal = _headers_once(message, request) or _envelope(message, request, version)
    if refusal is not None:
        return refusal
    treatment = treatment_of("modern", message)
    if treatment is None:
        return message.refuse(Fault.UNKNOWN_METHOD, "This gate does not pass this method.")
    problem = params_problem(message)
    if problem is not None:
        return message.refuse(Fault.PARAMS, problem)
    return admitted(message, era="modern", version=version, treatment=treatment)


def _notification(message: Message, version: str) -> Admitted | Refusal:
    """This era has none from clients: taken and dropped, a call without an id among them."""
    if message.meta.get(META_VERSION, version) != version:
        return message.refuse(Fault.HEADER_MISMATCH, "The header MCP-Protocol-Version must be the body's version.")
    if version not in MODERN_VERSIONS:
        return not_served(message, version)
    return admitted(message, era="modern", version=version, treatment=Treatment.DROP)


def _headers_once(message: Message, request: HttpRequest) -> Refusal | None:
    for name in (METHOD_HEADER, NAME_HEADER):
        if request.one(name) is TWICE:
            return message.refuse(Fault.HEADER_MISMATCH, f"The header {name} stands twice.")
    return None


def _envelope(message: Message, request: HttpRequest, version: str) -> Refusal | None:
    if META_VERSION not in message.meta and version not in MODERN_VERSIONS:
        return not_served(message, version)
    if META_VERSION not in message.meta or not isinstance(message.meta.get(META_CAPABILITIES), dict):
        return message.refuse(Fault.PARAMS, f"_meta must have {META_VERSION} and {META_CAPABILITIES}.")
    if message.meta[META_VERSION] != version:
        return message.refuse(Fault.HEADER_MISMATCH, "The header MCP-Protocol-Version must be the body's version.")
    problem = routing_problem(message, request)
    if problem is not None:
        return message.refuse(Fault.HEADER_MISMATCH, problem)
    return None if version in MODERN_VERSIONS else not_served(message, version)


def not_served(message: Message, version: str) -> Refusal:
    """`supported` is the list that `server/discover` gives."""
    supported: list[JsonValue] = [LATEST_MODERN]
    return message.refuse(
        Fault.VERSION, "This gate does not serve this protocol revision.", supported=supported, requested=version
    )
