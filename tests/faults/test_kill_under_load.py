"""`kill raise` on two enforcers under load: it says milliseconds for each, and nothing passes once it has returned."""

import re
import threading
import time
from pathlib import Path

import pytest

from tests.support.bench import policy
from tests.support.system import System, running

pytestmark = pytest.mark.faults


def load(system: System, gate: str, token: str, ended: threading.Event, count: list[int]) -> None:
    caller = system.caller(gate, token)
    while not ended.is_set():
        count[0] += 1
        caller.call("note", {"nonce": f"{gate}-{threading.get_ident()}-{count[0]}"})


def test_nothing_passes_after_kill_raise_has_returned(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        (tmp_path / "workspace").mkdir()
        system.apply(policy(tmp_path / "workspace"))
        url = system.start_upstream("ledger", "--ledger", str(tmp_path / "ledger"))
        for name in ("one", "two"):
            system.open_gate(system.enroll(name, "ledger", upstream=url))
        ada, ended = system.token("ada"), threading.Event()
        threads = [
            threading.Thread(target=load, args=(system, gate, ada, ended, [0])) for gate in ("one", "two", "one", "two")
        ]
        for thread in threads:
            thread.start()
        try:
            time.sleep(1)  # the load itself: not a wait for a condition
            done = system.manage("kill", "raise", "tool:ledger/note", "--reason", "test")
            returned = time.monotonic()
            time.sleep(1)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        assert done.code == 0, done
        lines = done.out.strip().splitlines()
        assert sorted(line.split()[0] for line in lines[:-1]) == ["one", "two"]
        assert all(re.fullmatch(r"\w+  \d+\.\d ms", line) for line in lines[:-1]), lines
        assert re.fullmatch(r"converged 2 of 2 in \d+\.\d ms", lines[-1])
        passed = [float(line.split()[0]) for line in (tmp_path / "ledger").read_text().splitlines()]
        assert len(passed) > 20
        assert max(passed) < returned
        assert system.caller("one", ada).call("note", {"nonce": "after"}).codes[0] == "DENY_KILL_SWITCH"


def test_a_call_in_flight_is_cancelled_and_the_kill_converges_only_then(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        (tmp_path / "workspace").mkdir()
        system.apply(policy(tmp_path / "workspace"))
        url = system.start_upstream("ledger", "--ledger", str(tmp_path / "ledger"))
        system.open_gate(system.enroll("one", "ledger", upstream=url))
        ada = system.token("ada")
        assert system.caller("one", ada).call("note", {"nonce": "first"}).result
        answers: list[list[str]] = []
        slow = threading.Thread(
            target=lambda: answers.append(system.caller("one", ada).call("note", {"nonce": "slow", "wait_s": 25}).codes)
        )
        slow.start()
        while "slow" not in (tmp_path / "ledger").read_text():
            time.sleep(0.01)
        started = time.monotonic()
        assert system.manage("kill", "raise", "server:ledger", "--reason", "test").code == 0
        slow.join()
        assert time.monotonic() - started < 20
        assert answers == [["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]]
        receipt = next(
            r for r in system.receipts() if r.get("outcome", {}).get("detail") == "interrupted: effect unknown"
        )
        assert receipt["decision"]["result"] == "deny"
        assert receipt["receipt_type"] == "csp.tool_safety.action.v1"
