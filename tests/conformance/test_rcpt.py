from typing import Any

from enforcer.contract.receipt import open_line
from tests.support.system import System

ALWAYS = {
    "receipt_id", "receipt_type", "csp_profile", "csp_version", "ts", "event_time", "valid_time", "observed_at",
    "transaction_time", "trace_id", "enforcer_id", "chain_id", "sequence", "parent_hash", "receipt_hash", "principal",
    "mcp", "request", "decision", "facts", "risk_level", "token_handling", "sandbox", "approval", "incident",
}  # fmt: skip


def without_nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return all(item is not None and without_nulls(item) for item in value.values())
    return True


def test_RCPT_01_every_call_has_a_complete_receipt(system: System, ada: str) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    assert system.caller("gate", ada).call("note", {"nonce": "RCPT-01"}, **parent).result
    receipts = [r for r in system.receipts() if r["trace_id"] == trace]
    assert len(receipts) == 1
    receipt = receipts[0]
    assert receipt.keys() >= ALWAYS | {"outcome"}
    assert without_nulls(receipt)
    assert receipt["receipt_type"] == "csp.tool_safety.action.v1"
    assert receipt["principal"] == {"sub": "ada", "issuer": "drawbridge", "actor_type": "agent"}
    assert receipt["mcp"]["server_id"] == "ledger"
    assert receipt["mcp"]["tool_name"] == "note"
    assert receipt["mcp"]["trust_level"] == "internal"
    assert receipt["request"]["args_hash"].startswith("hmac-sha256:")
    assert receipt["request"]["args_redacted"] == {"nonce": "string"}
    assert receipt["decision"]["result"] == "allow"
    assert receipt["decision"]["policy_id"]
    assert receipt["outcome"]["status"] == "success"
    assert receipt["valid_time"]["start"] <= receipt["observed_at"] <= receipt["transaction_time"]["recorded_at"]


def test_RCPT_02_a_refusal_has_a_receipt_too(system: System, grace: str) -> None:
    denied = system.caller("gate", grace).call("other", {"nonce": "RCPT-02"})
    anonymous = system.caller("gate", None).call("note", {"nonce": "RCPT-02"})
    malformed = system.caller("gate", grace).post(b"{")
    for answer, subject in ((denied, "grace"), (anonymous, "anonymous"), (malformed, "grace")):
        receipt = system.receipt(answer.receipt_id)
        assert receipt["receipt_type"] == "csp.tool_safety.refusal.v1"
        assert receipt["decision"]["result"] == "deny"
        assert receipt["principal"]["sub"] == subject
        assert receipt["remediation_hint"]
        assert "outcome" not in receipt


def test_RCPT_03_receipts_are_stored_and_retrievable_and_verify(system: System, ada: str) -> None:
    answer = system.caller("gate", ada).call("missing", {})
    stored = system.receipt(answer.receipt_id)
    assert stored["decision"]["reason_codes"] == ["DENY_TOOL_NOT_FOUND"]
    exported = system.manage("receipts", "export", "--settle", "10")
    lines = exported.out.encode().splitlines()
    assert sum(1 for line in lines if b"chain_head" not in line and open_line(line)) >= 1
    file, keys = system.home / "export.jsonl", system.home / "keys.json"
    file.write_text(exported.out)
    keys.write_text(system.manage("receipts", "keys").out)
    verified = system.enforcer("verify", str(file), "--key", str(keys))
    assert verified.code == 0, verified
    file.write_text(exported.out.replace("DENY_TOOL_NOT_FOUND", "DENY_NO_PERMISSION", 1))
    assert system.enforcer("verify", str(file), "--key", str(keys)).code == 1
