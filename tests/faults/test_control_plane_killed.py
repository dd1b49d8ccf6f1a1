"""kill -9 of each part of the control plane under load, PostgreSQL among them: the oracle finds nothing amiss."""

import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.oracle import KINDS, Oracle
from tests.support.bench import policy
from tests.support.postgres import Server, postgres_server
from tests.support.processes import wait_for
from tests.support.system import System, running

PARTS = ("worker", "web", "publisher", "watch", "valkey-receipts", "valkey-policy")
DATABASE = "PostgreSQL"
ROUNDS = int(os.environ.get("PART_KILLS", "1"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(240 + 120 * ROUNDS)]


@pytest.fixture
def database() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def oracle(database: Server, tmp_path: Path) -> Iterator[Oracle]:
    with running(tmp_path, DATABASE_URL=database.url) as system:
        (tmp_path / "workspace").mkdir()
        system.apply(policy(tmp_path / "workspace"))
        url = system.start_upstream("ledger", "--ledger", str(tmp_path / "ledger"))
        system.open_gate(system.enroll("gate", "ledger", upstream=url))
        yield Oracle(system, "gate", system.token("ada"))


class Load:
    """One caller that never stops asking; what went wrong with it is raised at the end."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle, self._ended, self._problem = oracle, threading.Event(), list[BaseException]()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        assert self._problem == []

    def more(self, count: int) -> None:
        """Until so many more were answered."""
        enough = len(self.oracle.answered) + count
        wait_for(lambda: len(self.oracle.answered) >= enough or self._problem, "calls to be answered", timeout_s=60)

    def _ask(self) -> None:
        number = 0
        try:
            while not self._ended.is_set():
                self.oracle.ask(KINDS[number % len(KINDS)])
                number += 1
        except AssertionError as problem:
            self._problem.append(problem)


def restarts(system: System, part: str) -> int:
    assert system.up is not None
    return len(re.findall(rf"^restarted {part} pid", system.up.output, re.MULTILINE))


def kill_part(system: System, part: str) -> None:
    before = restarts(system, part)
    os.kill(system.part(part), signal.SIGKILL)
    wait_for(lambda: restarts(system, part) > before, f"{part} to be started again")


def test_no_part_that_dies_takes_a_receipt_with_it(oracle: Oracle, database: Server) -> None:
    with Load(oracle) as load:
        for _ in range(ROUNDS):
            for part in (*PARTS, DATABASE):
                load.more(12)
                if part == DATABASE:
                    database.kill()
                    load.more(12)  # without it everything goes on
                    database.start()
                    assert database.recovered(), "the fault did not fire"
                else:
                    kill_part(oracle.system, part)
        load.more(12)
    receipts = oracle.check()
    assert len(receipts) >= 12 * ROUNDS * len(PARTS)
