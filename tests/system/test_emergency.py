"""`manage.py kill --emergency`: with the database away the gates are stopped, and confirm it under their signatures."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.bench import lines_of, open_bench
from tests.support.processes import wait_for
from tests.support.system import Done, System, running

NOWHERE = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[System]:
    with running(tmp_path) as system:
        open_bench(system)
        roll = system.data / "keys" / "fleet.json"
        wait_for(lambda: roll.exists() and '"gate"' in roll.read_text(), "the roll of the fleet", timeout_s=20)
        yield system


@contextmanager
def without_a_publisher(system: System) -> Iterator[None]:
    """It stands still, as it would before a database that doesn't answer."""
    pid = system.part("publisher")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def kill(system: System, action: str, target: str) -> Done:
    return system.manage("kill", action, target, "--reason", "INC-9", "--emergency", env=NOWHERE)


def test_it_stops_the_gates_without_the_database_and_is_taken_over_later(bench: System, tmp_path: Path) -> None:
    ada = bench.token("ada")

    def codes(nonce: str) -> list[str]:
        return bench.caller("gate", ada).call("note", {"nonce": nonce}).codes

    assert codes("before") == []
    with without_a_publisher(bench):
        done = kill(bench, "raise", "tool:ledger/note")
        assert done.code == 0, done
        assert re.search(r"^gate  \d+\.\d ms$", done.out, re.MULTILINE)
        assert re.search(r"^converged (\d+) of \1 in \d+\.\d ms$", done.out, re.MULTILINE)
        assert codes("killed")[0] == "DENY_KILL_SWITCH"
        assert bench.manage("kill", "raise", "all", "--reason", "x", env=NOWHERE).code == 3

        assert kill(bench, "lower", "tool:ledger/note").code == 0
        assert codes("lowered") == []
        assert kill(bench, "raise", "tool:ledger/note").code == 0

    def known() -> bool:
        acts = [line.get("action") for line in bench.receipts("--enforcer", "control-plane", settle_s=0)]
        return acts.count("kill.raise") == 2 and acts.count("kill.lower") == 1

    wait_for(known, "the acts in the database", timeout_s=30)
    assert codes("taken over")[0] == "DENY_KILL_SWITCH"
    done = bench.manage("kill", "lower", "tool:ledger/note", "--reason", "over")
    assert done.code == 0, done
    assert codes("after") == []
    assert not {"killed", "taken over"} & set(lines_of(tmp_path / "ledger"))


def test_a_gate_that_does_not_answer_is_missed_by_name(bench: System) -> None:
    bench.gates["gate"].program.kill()
    with without_a_publisher(bench):
        done = bench.manage(
            "kill", "raise", "server:ledger", "--reason", "x", "--emergency", "--timeout", "1", env=NOWHERE
        )
    assert done.code == 1
    assert re.search(r"^gate  silent, stops by \d{4}-", done.out, re.MULTILINE)


def test_without_redis_it_says_what_is_left_to_do(bench: System) -> None:
    done = bench.manage(
        "kill", "raise", "all", "--reason", "x", "--emergency", env={**NOWHERE, "REDIS_URL": "redis://127.0.0.1:1/0"}
    )
    assert (done.code, done.out) == (3, "")
    assert "Redis can't be reached" in done.err
