"""A receipt as a JSON Schema (2020-12), for whoever reads exports with other programs. Served under the API.

It says what a receipt of each type has and nothing else; whether a receipt is whole, only its hash and chain can say.
"""

from collections.abc import Iterable

from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.receipt import CSP_PROFILE, CSP_VERSION, ReceiptType
from enforcer.contract.strict_json import JsonObject, JsonValue

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT: JsonObject = {"type": "string"}
TEXTS: JsonObject = {"type": "array", "items": TEXT}
FLAG: JsonObject = {"type": "boolean"}
NUMBER: JsonObject = {"type": "number"}
COUNT: JsonObject = {"type": "integer", "minimum": 0}
OBJECT: JsonObject = {"type": "object"}
PAIRS: JsonObject = {"type": "array", "maxItems": 16, "items": {"type": "array", "items": TEXT, "minItems": 2}}
TIME: JsonObject = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"}
HASH: JsonObject = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
KEYED_HASH: JsonObject = {"type": "string", "pattern": "^hmac-sha256:[^:]+:[0-9a-f]{64}$"}


def _one_of(values: Iterable[str]) -> JsonObject:
    return {"enum": [str(value) for value in values]}


def _object(required: JsonObject, optional: JsonObject | None = None) -> JsonObject:
    """Closed: what is not named is not there."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


_EVERY: JsonObject = {
    "receipt_id": TEXT,
    "receipt_type": _one_of(kind for kind in ReceiptType if kind is not ReceiptType.CHAIN_HEAD),
    "csp_profile": {"const": CSP_PROFILE},
    "csp_version": {"const": CSP_VERSION},
    "ts": TIME,
    "event_time": TIME,
    "valid_time": _object({"start": TIME}),
    "observed_at": TIME,
    "transaction_time": _object({"recorded_at": TIME}),
    "trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "enforcer_id": TEXT,
    "chain_id": TEXT,
    "sequence": {"type": "integer", "minimum": 1},
    "parent_hash": HASH,
    "receipt_hash": HASH,
    "principal": _object(
        {"sub": TEXT, "actor_type": _one_of(("user", "agent", "system"))},
        {"issuer": TEXT, "client_id": TEXT, "org_id": TEXT},
    ),
}
_GENESIS = _object({"boot_nonce": TEXT}, {"previous_chain_id": TEXT, "previous_sequence": COUNT})
_MCP: JsonObject = {
    "server_id": TEXT,
    "method": TEXT,
    "tool_name": TEXT,
    "trust_level": TEXT,
    "protocol_version": TEXT,
    "definition_hash": HASH,
}
_ARGUMENTS = _object(
    {"paths": PAIRS, "urls": PAIRS, "names_url": FLAG}, {"problem": TEXTS, "risk": {"const": Risk.CRITICAL.value}}
)
_FACTS = _object(
    {},
    {
        "now": NUMBER,
        "lease_age_s": NUMBER,
        "definition": _one_of(("unseen", "same", "changed")),
        "rates": {"type": "object", "additionalProperties": NUMBER},
        "constraints": {"type": "object", "additionalProperties": _one_of(("pass", "fail", "error"))},
        "token_id": TEXT,
        "session_id": TEXT,
        "arguments": _ARGUMENTS,
    },
)
_DECISION = _object(
    {
        "result": _one_of(("allow", "deny", "require_approval")),
        "reason_codes": {"type": "array", "items": _one_of(ReasonCode), "minItems": 1},
    },
    {
        "policy_id": TEXT,
        "snapshot_version": COUNT,
        "incident_epoch": COUNT,
        "detail": {"type": "string", "maxLength": 500},
    },
)
_OUTCOME = _object(
    {"status": _one_of(("success", "error", "timeout"))},
    {"size_bytes_out": COUNT, "duration_ms": NUMBER, "detail": TEXT},
)
_MESSAGE: JsonObject = {
    "mcp": _object({"server_id": TEXT}, _MCP),
    "request": _object({"size_bytes_in": COUNT}, {"args_hash": KEYED_HASH, "args_redacted": OBJECT}),
    "decision": _DECISION,
    "facts": _FACTS,
    "token_handling": _object(
        {"mode": _one_of(("none", "blocked")), "passthrough_detected": FLAG, "codes": TEXTS},
    ),
    "sandbox": _object(
        {
            "fs_policy": _one_of(("workspace_only", "read_only", "none")),
            "net_policy": _one_of(("block_all", "none")),
        }
    ),
    "approval": _object({"required": FLAG}),
    "incident": _object({"active": FLAG, "kill_switch_ids": TEXTS}),
}
_REPEATED = _object({"count": COUNT, "sources": {"type": "object", "additionalProperties": COUNT}})
_SOMETIMES: JsonObject = {"risk_level": _one_of(Risk), "outcome": _OUTCOME}
_REFUSED: JsonObject = {"action_id": TEXT, "reason": TEXT, "remediation_hint": TEXT}
_SIGHTING = _object({"what": _one_of(("seen", "twice", "gone")), "size_bytes": COUNT}, {"definition": OBJECT})


def _kind(kinds: Iterable[ReceiptType], required: JsonObject, optional: JsonObject | None = None) -> JsonValue:
    """What receipts of these types have besides what all have."""
    whole = _object({**_EVERY, **required}, {"genesis": _GENESIS, **(optional or {})})
    return {"if": {"properties": {"receipt_type": _one_of(kinds)}}, "then": whole}


def receipt_schema() -> JsonObject:
    """Of one line of an export that is no chain head."""
    return {
        "$schema": DIALECT,
        "title": "A receipt of Drawbridge",
        "description": "docs/reference/receipt.md says what each field means.",
        "type": "object",
        "required": ["receipt_type"],
        "properties": {"receipt_type": _EVERY["receipt_type"]},
        "allOf": [
            _kind((ReceiptType.ACTION, ReceiptType.ACCESS), _MESSAGE, _SOMETIMES),
            _kind(
                (ReceiptType.REFUSAL,),
                {**_MESSAGE, **_REFUSED},
                {**_SOMETIMES, "amendment_cited": {"const": "VII"}, "repeated": _REPEATED},
            ),
            _kind((ReceiptType.ADMIN,), {"action": TEXT, "detail": OBJECT}),
            _kind((ReceiptType.GAP,), {"gap": _object({"reason": TEXT, "moved_to": TEXT})}),
            _kind((ReceiptType.DEFINITION,), {"mcp": _object({"server_id": TEXT}, _MCP), "sighting": _SIGHTING}),
            _kind((ReceiptType.EMERGENCY_OVERRIDE,), _MESSAGE, _SOMETIMES),
        ],
    }
