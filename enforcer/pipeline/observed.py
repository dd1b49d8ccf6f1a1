"""What metrics and the span hear of a message: counted, timed and named, never with an argument or a caller."""

from enforcer.contract.reasons import ReasonCode
from enforcer.contract.strict_json import JsonValue
from enforcer.mcp.methods import Treatment
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.trace import join
from enforcer.pipeline.transaction import Transaction, Verdict

OURS = (ReasonCode.DENY_INTERNAL_ERROR, ReasonCode.DENY_AUDIT_UNAVAILABLE)


def in_trace(tx: Transaction, meta: JsonValue) -> None:
    """Settle the trace: of the headers, else of `meta`, else a new one; receipt, log and upstream follow."""
    if tx.trace is None or tx.trace.place is not None:
        return
    join(tx.trace, meta)
    tx.trace.start(_method(tx) or "refused", tx.started)
    tx.trace_id = tx.trace.trace_id


def concluding(gate: Gate, tx: Transaction) -> None:
    """Before the receipt: what ended before its trace or its decision was known has both now."""
    in_trace(tx, None)
    if tx.decided_in is None:
        tx.decided_in = gate.monotonic() - tx.began


def concluded(gate: Gate, tx: Transaction) -> None:
    """Its receipt is written, or could not be."""
    verdict, failure = tx.verdict, _failure(tx)
    assert verdict is not None, "every way out has a verdict"
    assert tx.decided_in is not None, "every way out was timed"
    gate.metrics.decided(tx.server_id, verdict.result, verdict.reasons[0], tx.decided_in)
    if verdict.result == "allow" and tx.policy is None:
        gate.metrics.allow_without_policy.inc()
    if tx.outcome is not None and tx.flight is not None and not tx.flight.is_stream:
        gate.metrics.sent(tx.server_id, tx.outcome.duration_s, failure)
    if tx.trace is not None:
        ours = verdict.reasons[0] if verdict.reasons[0] in OURS else ""
        tx.trace.end(_attributes(tx, verdict), ours or failure)


def _method(tx: Transaction) -> str | None:
    """One that this gate knows: a notification that means nothing here may be called anything."""
    if tx.admitted is None:
        return None
    return tx.admitted.method if tx.admitted.treatment is not Treatment.DROP else "notification"


def _failure(tx: Transaction) -> str:
    """`upstream_timeout`, `upstream_error`, `interrupted`; empty for an answer, an `isError` one included."""
    if tx.outcome is None or tx.outcome.status == "success":
        return ""
    return tx.outcome.detail.partition(":")[0] or "upstream_error"


def _attributes(tx: Transaction, verdict: Verdict) -> dict[str, str]:
    """Names of policy alone: what a caller made up stays out."""
    known = tx.policy is not None and tx.tool in tx.policy.index.tools
    found = {
        "drawbridge.server": tx.server_id,
        "drawbridge.decision": verdict.result,
        "drawbridge.reason": str(verdict.reasons[0]),
        "drawbridge.receipt_id": tx.receipt_id,
        "mcp.method.name": _method(tx),
        "mcp.protocol.version": tx.admitted.protocol_version if tx.admitted else None,
        "gen_ai.tool.name": tx.tool if known else None,
    }
    return {name: value for name, value in found.items() if value is not None}
