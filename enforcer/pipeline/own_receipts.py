"""Receipts of what no message asked for: what the enforcer saw of a server, and who stopped it on its host."""

import secrets
import uuid

from enforcer.contract.receipt import CSP_PROFILE, CSP_VERSION, ReceiptType
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text
from enforcer.link.local_stop import Stop


def stop_receipt(enforcer_id: str, stop: Stop, now: float) -> JsonObject:
    """An administrator's act; whoever did it stands in it as the host says."""
    act = "kill.local.raise" if stop.state == "raised" else "kill.local.lower"
    detail: JsonObject = {"kill_switch_id": stop.id, "target": f"enforcer:{enforcer_id}"}
    detail |= {"reason": stop.reason, "at": stop.at}
    who: JsonObject = {"sub": stop.by or "unknown", "actor_type": "user"}
    return {**own_receipt(enforcer_id, ReceiptType.ADMIN, now), "principal": who, "action": act, "detail": detail}


def own_receipt(enforcer_id: str, kind: ReceiptType, now: float) -> JsonObject:
    """What every receipt of the enforcer's own has; `now` is unix seconds."""
    at = to_text(now)
    return {
        "receipt_id": str(uuid.uuid4()),
        "receipt_type": kind,
        "csp_profile": CSP_PROFILE,
        "csp_version": CSP_VERSION,
        "ts": at,
        "event_time": at,
        "valid_time": {"start": at},
        "observed_at": at,
        "trace_id": secrets.token_hex(16),
        "enforcer_id": enforcer_id,
        "principal": {"sub": f"enforcer:{enforcer_id}", "actor_type": "system"},
    }
