from pathlib import Path

from tests.support.bench import lines_of
from tests.support.system import System


def test_AUTHZ_01_an_unknown_tool_is_refused(system: System, ada: str) -> None:
    answer = system.caller("gate", ada).call("no_such_tool", {"nonce": "AUTHZ-01"})
    assert (answer.status, answer.error["code"], answer.codes) == (200, -32003, ["DENY_TOOL_NOT_FOUND"])


def test_AUTHZ_02_a_call_without_a_rule_is_refused(system: System, grace: str, ledger: Path) -> None:
    answer = system.caller("gate", grace).call("other", {"nonce": "AUTHZ-02"})
    assert (answer.status, answer.error["code"], answer.codes) == (200, -32003, ["DENY_NO_MATCHING_RULE"])
    assert answer.error["data"]["decision"] == "deny"
    assert answer.error["data"]["message"]
    assert answer.error["data"]["remedy"]
    assert "AUTHZ-02" not in lines_of(ledger)


def test_AUTHZ_03_a_permitted_call_reaches_the_server(system: System, grace: str, ledger: Path) -> None:
    answer = system.caller("gate", grace).call("note", {"nonce": "AUTHZ-03"})
    assert answer.result["structuredContent"] == {"result": "AUTHZ-03"}
    assert lines_of(ledger).count("AUTHZ-03") == 1
    receipt = next(
        r
        for r in system.receipts("--principal", "grace", "--decision", "allow")
        if r["mcp"].get("tool_name") == "note" and r["receipt_type"] == "csp.tool_safety.action.v1"
    )
    assert receipt["decision"]["reason_codes"] == ["ALLOW_POLICY_MATCH"]
