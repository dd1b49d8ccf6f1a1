"""Stage: what must be right between decision and sending: cursors, headers of arguments, a session to open."""

from enforcer.mcp.answers import Answer
from enforcer.mcp.faults import Fault
from enforcer.mcp.methods import Treatment
from enforcer.mcp.param_headers import header_params, param_headers_problem
from enforcer.pipeline import replies
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction


async def prepare(gate: Gate, tx: Transaction) -> Answer | None:
    """Refuses what only now can be seen to be wrong."""
    assert tx.admitted is not None
    problem = _cursor_problem(gate, tx)
    if problem is not None:
        return replies.refuse(tx, tx.admitted.refuse(Fault.PARAMS, problem))
    problem = _header_problem(tx)
    if problem is not None:
        return replies.refuse(tx, tx.admitted.refuse(Fault.HEADER_MISMATCH, problem))
    if tx.admitted.treatment is Treatment.OPEN:
        tx.opening = gate.sessions.open(tx.principal, tx.server_id, gate.wall())
    return None


def _cursor_problem(gate: Gate, tx: Transaction) -> str | None:
    assert tx.admitted is not None
    given = tx.admitted.params.get("cursor")
    if tx.admitted.treatment is not Treatment.LIST or not isinstance(given, str):
        return None
    tx.upstream_cursor = gate.cursors.unwrap(given, tx.principal, tx.server_id, tx.admitted.method)
    return "cursor must be one from an earlier page of yours." if tx.upstream_cursor is None else None


def _header_problem(tx: Transaction) -> str | None:
    assert tx.admitted is not None
    if tx.admitted.treatment is not Treatment.CALL or tx.admitted.era == "legacy":
        return None
    declared = header_params(tx.input_schema)
    if declared is None:
        return "The tool declares headers that no client may send."
    return param_headers_problem(declared, tx.arguments or {}, tx.request)
