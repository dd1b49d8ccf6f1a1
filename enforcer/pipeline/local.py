"""Stage: what the gate answers itself and never forwards."""

from enforcer.mcp import answers
from enforcer.mcp.answers import Answer
from enforcer.mcp.methods import Treatment
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction


async def answer_locally(gate: Gate, tx: Transaction) -> Answer | None:
    """Pings, log levels, the end of a session, cancellations, and notifications that mean nothing here."""
    assert tx.admitted is not None
    session = tx.admitted.session
    match tx.admitted.treatment:
        case Treatment.LOCAL:
            return answers.empty_result(tx.admitted)
        case Treatment.END:
            assert session is not None
            gate.sessions.end(session)
            return answers.ended()
        case Treatment.CANCEL:
            _cancel(gate, tx)
            return answers.accepted()
        case Treatment.DROP:
            return answers.accepted()
        case _:
            return None


def _cancel(gate: Gate, tx: Transaction) -> None:
    """Only what this session has in flight under this id: ids are unique within a session alone."""
    assert tx.admitted is not None
    session, wanted = tx.admitted.session, tx.admitted.params.get("requestId")
    if session is None or not isinstance(wanted, str | int) or isinstance(wanted, bool):
        return
    ours = session.in_flight.get(wanted)
    if ours is not None:
        gate.flights.abandon(ours)
