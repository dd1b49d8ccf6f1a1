"""Stages: is it HTTP as this endpoint speaks it, and, once the caller is known, is it one message of one era?"""

from dataclasses import replace

from enforcer.mcp import admission
from enforcer.mcp.answers import Answer
from enforcer.mcp.faults import Refusal
from enforcer.pipeline import replies
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.observed import in_trace
from enforcer.pipeline.transaction import Transaction


async def admit_transport(gate: Gate, tx: Transaction) -> Answer | None:
    """Host, Origin, framing, method, Accept, content type: before anything of it is believed."""
    refusal = admission.admit_transport(
        tx.request, allowed_hosts=gate.allowed_hosts, allowed_origins=gate.allowed_origins
    )
    return None if refusal is None else replies.refuse(tx, refusal)


async def admit_message(gate: Gate, tx: Transaction) -> Answer | None:
    """Strict JSON, one shape, one era, headers that agree with the body, a method that passes."""
    assert tx.caller is not None
    found = admission.admit_message(
        tx.request,
        sessions=gate.sessions,
        principal=(tx.caller.issuer, tx.caller.subject),
        server_id=tx.server_id,
        max_bytes=gate.limits(tx.server_id).max_request_bytes,
        now=gate.wall(),
    )
    if isinstance(found, Refusal):
        return replies.refuse(tx, found)
    tx.admitted = found
    in_trace(tx, found.params.get("_meta"))
    if found.session is not None:
        tx.caller = replace(tx.caller, session_id=found.session.id)
    return None
