"""Stage: what must be right between decision and sending: cursors, headers of arguments, a session to open."""

from enforcer.mcp.answers import Answer
from enforcer.mcp.faults import Fault
from enforcer.mcp.methods import Treatment
from enforcer.mcp.param_headers import check_param_headers, header_params
from enforcer.pipeline import replies
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction


async def prepare(gate: Gate, tx: Transaction) -> Answer | None:
    """Refuses what only now can be seen to be wrong."""
    assert tx.admitted is not None
    problem = _cursor_problem(gate, tx)
    if problem is not None:
        return replies.refuse(tx, tx.admitted.refuse(Fault.PARAMS, problem))
    if tx.admitted.treatment is Treatment.CALL:
        refusal = check_param_headers(header_params(tx.input_schema), tx.admitted, tx.request)
        if refusal is not None:
            return replies.refuse(tx, refusal)
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
