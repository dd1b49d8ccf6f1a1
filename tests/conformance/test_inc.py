from collections.abc import Iterator

import pytest

from tests.support.system import System

TARGET = "tool:ledger/note"


@pytest.fixture
def raised(system: System) -> Iterator[None]:
    done = system.manage("kill", "raise", TARGET, "--reason", "conformance")
    assert done.code == 0, done
    yield
    done = system.manage("kill", "lower", TARGET, "--reason", "conformance")
    assert done.code == 0, done


@pytest.mark.usefixtures("raised")
def test_INC_01_a_raised_kill_switch_denies(system: System, ada: str) -> None:
    answer = system.caller("gate", ada).call("note", {"nonce": "INC-01"})
    assert answer.codes == ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]
    receipt = system.receipt(answer.receipt_id)
    assert receipt["incident"]["active"] is True
    assert receipt["incident"]["kill_switch_ids"]
    assert "note" not in system.caller("gate", ada).tools()


@pytest.mark.usefixtures("raised")
def test_INC_02_a_kill_switch_denies_only_its_target(system: System, ada: str) -> None:
    assert system.caller("gate", ada).call("other", {"nonce": "inside"}).result


def test_INC_03_a_kill_switch_can_be_lifted(system: System, ada: str) -> None:
    assert system.manage("kill", "raise", TARGET, "--reason", "conformance").code == 0
    assert "DENY_KILL_SWITCH" in system.caller("gate", ada).call("note", {"nonce": "INC-03"}).codes
    assert system.manage("kill", "lower", TARGET, "--reason", "conformance").code == 0
    assert system.caller("gate", ada).call("note", {"nonce": "INC-03"}).result
