from pathlib import Path

from tests.support.bench import lines_of
from tests.support.system import System


def test_AUTH_01_a_request_without_a_token_is_refused(system: System, ledger: Path) -> None:
    answer = system.caller("gate", None).call("note", {"nonce": "AUTH-01"})
    assert (answer.status, answer.error["code"]) == (401, -32001)
    assert answer.codes == ["DENY_NO_AUTHN"]
    assert answer.headers["www-authenticate"].startswith('Bearer resource_metadata="http://')
    assert "AUTH-01" not in lines_of(ledger)


def test_AUTH_02_a_request_with_an_invalid_token_is_refused(system: System, ada: str, ledger: Path) -> None:
    forged = ada[:-8] + ("A" * 8 if not ada.endswith("A" * 8) else "B" * 8)
    for token in (forged, "nonsense", ada.rsplit(".", 1)[0] + "."):
        answer = system.caller("gate", token).call("note", {"nonce": "AUTH-02"})
        assert (answer.status, answer.error["code"]) == (401, -32001)
        assert answer.codes == ["DENY_INVALID_TOKEN", "DENY_NO_AUTHN"]
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert "AUTH-02" not in lines_of(ledger)
