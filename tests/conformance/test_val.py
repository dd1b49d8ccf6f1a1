from pathlib import Path

from tests.support.bench import lines_of
from tests.support.system import System


def test_VAL_01_an_unknown_field_is_refused(system: System, ada: str, ledger: Path) -> None:
    answer = system.caller("gate", ada).call("note", {"nonce": "VAL-01", "force": True})
    assert (answer.status, answer.codes) == (200, ["DENY_UNKNOWN_FIELDS"])
    assert "VAL-01" not in lines_of(ledger)


def test_VAL_02_an_oversize_request_is_refused(system: System, ada: str, ledger: Path) -> None:
    answer = system.caller("gate", ada).call("note", {"nonce": "VAL-02" + "x" * 1_000_001})
    assert (answer.status, answer.codes) == (413, ["DENY_PAYLOAD_TOO_LARGE"])
    assert system.receipt(answer.receipt_id)["decision"]["result"] == "deny"
    assert not any(line.startswith("VAL-02") for line in lines_of(ledger))


def test_VAL_03_a_path_that_leaves_the_workspace_is_refused(system: System, ada: str, ledger: Path) -> None:
    for path in ("../outside", "/etc/passwd", "%2e%2e/outside", "..\\outside", "~/x", "file:///etc/passwd"):
        answer = system.caller("gate", ada).call("other", {"nonce": path})
        assert (answer.status, answer.codes) == (200, ["DENY_PATH_TRAVERSAL"]), path
        assert path not in lines_of(ledger)


def test_VAL_04_a_path_inside_the_workspace_passes(system: System, ada: str, ledger: Path) -> None:
    for path in ("inside", "./a/../inside", str(system.home / "workspace" / "inside")):
        answer = system.caller("gate", ada).call("other", {"nonce": path})
        assert answer.result["structuredContent"] == {"result": path}
        assert path in lines_of(ledger)
