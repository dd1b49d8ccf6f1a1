"""From what a transaction found out to its receipt (CONTRACTS section 4). Pure: the stamps are given."""

from enforcer.contract.args_hash import args_hash
from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode, explanation
from enforcer.contract.receipt import CSP_PROFILE, CSP_VERSION, ReceiptType, without_nulls
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.contract.times import to_text
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.redact import redacted
from enforcer.pipeline.transaction import Outcome, Transaction, Verdict
from enforcer.policy.recorded import exact, facts_as_json

ANONYMOUS: JsonObject = {"sub": "anonymous", "actor_type": "user"}
MAX_DETAIL = 500
AMENDMENT = "VII"  # of the seed specification: refusals of HIGH and CRITICAL calls cite it


def receipt_of(gate: Gate, tx: Transaction, *, now: float, brief: bool = False) -> JsonObject:
    """Everything but the link of the chain and `transaction_time`, which the journal adds.

    `brief` leaves out what grows with the message: for one of which the whole is more than a receipt can hold.
    """
    verdict = tx.verdict
    assert verdict is not None, "a receipt is written once the decision is known"
    server = gate.servers[tx.server_id]
    made: JsonObject = {
        "receipt_id": tx.receipt_id,
        "receipt_type": _type_of(tx, verdict),
        "csp_profile": CSP_PROFILE,
        "csp_version": CSP_VERSION,
        "ts": to_text(tx.started),
        "event_time": to_text(tx.started),
        "valid_time": {"start": to_text(tx.started)},
        "observed_at": to_text(max(now, tx.started)),
        "trace_id": tx.trace_id,
        "enforcer_id": tx.enforcer_id,
        "principal": _principal(tx),
        "mcp": _mcp(gate, tx),
        "request": {"size_bytes_in": len(tx.request.body)} if brief else _request(gate, tx),
        "decision": _decision(tx, verdict),
        "facts": {} if brief else facts_as_json(tx.facts, tx.decided_at, tx.caller),
        "risk_level": verdict.risk,
        "token_handling": _token_handling(tx),
        "sandbox": {"fs_policy": server.fs_policy, "net_policy": server.net_policy},
        "approval": {"required": verdict.result == "require_approval"},
        "incident": _incident(verdict),
        "outcome": _outcome(tx.outcome),
        "repeated": tx.repeated,
    }
    if made["receipt_type"] == ReceiptType.REFUSAL:
        made.update(_refusal(tx, verdict))
    return without_nulls(made)


def _type_of(tx: Transaction, verdict: Verdict) -> ReceiptType:
    if verdict.result != "allow" and tx.outcome is None:
        return ReceiptType.REFUSAL
    return ReceiptType.ACTION if tx.method == "tools/call" else ReceiptType.ACCESS


def _principal(tx: Transaction) -> JsonObject:
    caller = tx.caller
    if caller is None:
        return ANONYMOUS
    return {
        "sub": caller.subject,
        "issuer": caller.issuer,
        "actor_type": caller.actor_type,
        "client_id": caller.client_id,
        "org_id": caller.org_id,
    }


def _mcp(gate: Gate, tx: Transaction) -> JsonObject:
    policy = tx.policy
    return {
        "method": tx.method,
        "server_id": tx.server_id,
        "tool_name": tx.tool,
        "trust_level": policy.index.snapshot.trust.name if policy else None,
        "protocol_version": tx.admitted.protocol_version if tx.admitted else None,
        "definition_hash": gate.catalog(tx.server_id).hash_of(tx.tool) if tx.tool else None,
    }


def _request(gate: Gate, tx: Transaction) -> JsonObject:
    arguments, key = tx.arguments, gate.hmac_keys.get(tx.server_id)
    patterns = gate.config.redact
    return {
        "args_hash": None if arguments is None or key is None else args_hash(arguments, *key),
        "args_redacted": None if arguments is None else redacted(arguments, tx.reviewed_schema, patterns),
        "size_bytes_in": len(tx.request.body),
    }


def _decision(tx: Transaction, verdict: Verdict) -> JsonObject:
    policy = (tx.policy.index.snapshot.version, tx.policy.incident.epoch) if tx.policy else (None, None)
    version, epoch = verdict.policy or policy  # what is stopped in flight is stopped by a newer one
    reasons: list[JsonValue] = [str(code) for code in verdict.reasons]
    return {
        "result": verdict.result,
        "policy_id": verdict.policy_id,
        "snapshot_version": version,
        "incident_epoch": epoch,
        "reason_codes": reasons,
        "detail": verdict.detail[:MAX_DETAIL] or None,
    }


def _token_handling(tx: Transaction) -> JsonObject:
    blocked = ReasonCode.DENY_PASSTHROUGH_BLOCKED in (tx.verdict.reasons if tx.verdict else ())
    code = ReasonCode.TOKEN_PASSTHROUGH_BLOCKED if blocked else ReasonCode.TOKEN_NONE
    return {"mode": "blocked" if blocked else "none", "passthrough_detected": blocked, "codes": [str(code)]}


def _incident(verdict: Verdict) -> JsonObject:
    ids: list[JsonValue] = list(verdict.kill_switch_ids)
    active = bool(ids) or any(code.startswith("INCIDENT_") for code in verdict.reasons)
    return {"active": active, "kill_switch_ids": ids}


def _outcome(outcome: Outcome | None) -> JsonObject | None:
    if outcome is None:
        return None
    return {
        "status": outcome.status,
        "size_bytes_out": outcome.size_out,
        "duration_ms": exact(outcome.duration_s * 1000),
        "detail": outcome.detail or None,
    }


def _refusal(tx: Transaction, verdict: Verdict) -> JsonObject:
    message, remedy = explanation(verdict.reasons)
    severe = verdict.risk in (Risk.HIGH, Risk.CRITICAL)
    return {
        "action_id": tx.receipt_id,
        "reason": message,
        "amendment_cited": AMENDMENT if severe else None,
        "remediation_hint": remedy,
    }
