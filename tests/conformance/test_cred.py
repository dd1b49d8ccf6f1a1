from pathlib import Path

from tests.support.bench import lines_of
from tests.support.system import System


def test_CRED_03_a_server_without_a_chosen_credential_is_blocked(system: System, ada: str, ledger: Path) -> None:
    answer = system.caller("unset-gate", ada).call("note", {"nonce": "CRED-03"})
    assert (answer.status, answer.error["code"], answer.codes) == (200, -32003, ["DENY_PASSTHROUGH_BLOCKED"])
    assert "CRED-03" not in lines_of(ledger)


def test_CRED_04_the_receipt_of_a_blocked_request_says_that_passthrough_was_detected(system: System, ada: str) -> None:
    answer = system.caller("unset-gate", ada).call("note", {"nonce": "CRED-04"})
    receipt = system.receipt(answer.receipt_id)
    assert receipt["decision"]["reason_codes"] == ["DENY_PASSTHROUGH_BLOCKED"]
    assert receipt["token_handling"]["mode"] == "blocked"
    assert receipt["token_handling"]["passthrough_detected"] is True
    assert receipt["token_handling"]["codes"] == ["TOKEN_PASSTHROUGH_BLOCKED"]
