"""From the row to the last confirmation: idle, and under load. Figures are recorded, never judged.

`KILL_ROUNDS=100` for the long form, with eight enforcers; the short one shows that it still measures. The command's own
start is not counted, as it isn't for whoever has a page open.
"""

import os
import re
import statistics
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.bench import policy
from tests.support.system import System, running

ROUNDS = int(os.environ.get("KILL_ROUNDS", "1"))
GATES = 8 if "KILL_ROUNDS" in os.environ else 2
CLIENTS = GATES // 2
TOLD = re.compile(r"converged (\d+) of (\d+) in (\d+\.\d) ms")


def rounds(system: System) -> tuple[list[float], list[float]]:
    """Milliseconds until the first and until every enforcer confirmed, by round."""
    first, every = [], []
    for _ in range(ROUNDS):
        done = system.manage("kill", "raise", "tool:ledger/other", "--reason", "measured")
        told = TOLD.search(done.out)
        assert told, done
        assert told[1] == told[2] == str(GATES), done
        first.append(min(float(line.split()[1]) for line in done.out.splitlines()[:-1]))
        every.append(float(told[3]))
        assert system.manage("kill", "lower", "tool:ledger/other", "--reason", "measured").code == 0
    return first, every


def tell(name: str, first: list[float], every: list[float], record: Callable[[str, object], None]) -> None:
    found = {"first_p50": statistics.median(first), "all_p50": statistics.median(every), "all_worst": max(every)}
    for key, value in found.items():
        record(f"{name}_{key}_ms", round(value, 1))
    shown = ", ".join(f"{key} {value:.1f} ms" for key, value in found.items())
    print(f"{ROUNDS} rounds, {GATES} enforcers, {name}: {shown}")  # noqa: T201


@pytest.mark.timeout(0)
def test_how_long_a_kill_takes(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    with running(tmp_path) as system:
        (tmp_path / "workspace").mkdir()
        system.apply(policy(tmp_path / "workspace"))
        url = system.start_upstream("ledger", "--ledger", str(tmp_path / "ledger"))
        for number in range(GATES):
            system.open_gate(system.enroll(f"gate-{number}", "ledger", upstream=url))
        tell("idle", *rounds(system), record_property)
        ended, token = threading.Event(), system.token("ada")

        def load(gate: str) -> None:
            caller = system.caller(gate, token)
            while not ended.is_set():
                caller.call("note", {"nonce": "load"})

        clients = [threading.Thread(target=load, args=(f"gate-{number}",)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            tell("under load", *rounds(system), record_property)
        finally:
            ended.set()
            for client in clients:
                client.join()
