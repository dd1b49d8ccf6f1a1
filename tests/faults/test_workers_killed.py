"""A worker, or the process above the workers, is killed under load: no receipt is missing, and no orphan serves."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from uuid import uuid4

import pytest

from tests.support.bench import lines_of, policy
from tests.support.children import alive, children
from tests.support.processes import wait_for
from tests.support.system import System, running

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
WORKERS = 3


def load(system: System, token: str, name: str, ended: threading.Event) -> None:
    caller, number = system.caller("gate", token), 0
    while not ended.is_set():
        number += 1
        trace = uuid4().hex
        try:
            caller.call("note", {"nonce": f"{name}-{number}-{trace}"}, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
        except (OSError, HTTPException, json.JSONDecodeError):
            time.sleep(0.05)  # its worker is away


@contextmanager
def under_load(system: System) -> Iterator[None]:
    ada, ended = system.token("ada"), threading.Event()
    threads = [threading.Thread(target=load, args=(system, ada, f"t{n}", ended)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    home = tmp_path_factory.mktemp("killed")
    with running(home) as made:
        (home / "workspace").mkdir()
        made.apply(policy(home / "workspace"))
        url = made.start_upstream("ledger", "--ledger", str(home / "ledger"))
        made.open_gate(made.enroll("gate", "ledger", upstream=url), workers=WORKERS)
        yield made


@pytest.fixture
def system(whole: System) -> Iterator[System]:
    """With all workers; the last test may have left fewer, or a switch."""
    gate = whole.gates["gate"]
    if len(children(gate.program.process.pid)) < WORKERS:
        gate.program.stop()
        whole.open_gate(gate.file, workers=WORKERS)
    yield whole
    lowered = whole.manage("kill", "lower", "server:ledger", "--reason", "test")
    assert lowered.code == 0, lowered


def workers(system: System) -> list[int]:
    return children(system.gates["gate"].program.process.pid)


def more(system: System, number: int) -> None:
    """Until so many more calls have crossed."""
    ledger = system.home / "ledger"
    goal = len(lines_of(ledger)) + number
    wait_for(lambda: len(lines_of(ledger)) >= goal, f"{number} more calls to cross")


def nothing_is_missing(system: System) -> None:
    crossed = [line.rsplit("-", 1)[1] for line in lines_of(system.home / "ledger")]
    receipts = system.receipts("--enforcer", "gate", settle_s=30)
    calls = Counter(r["trace_id"] for r in receipts if r["mcp"].get("method") == "tools/call")
    assert not [trace for trace in crossed if calls[trace] != 1]
    assert not [trace for trace, count in calls.items() if count != 1]
    verified = system.manage("receipts", "verify")
    assert verified.code == 0, verified


def test_a_killed_worker_is_started_anew_and_nothing_it_did_is_missing(system: System) -> None:
    with under_load(system):
        for number in range(WORKERS):
            more(system, 10)
            before = workers(system)
            os.kill(before[number % WORKERS], signal.SIGKILL)
            wait_for(lambda: len(set(workers(system)) - set(before)) == 1, "another worker")  # noqa: B023 - waited for here
        more(system, 20)
    raised = system.manage("kill", "raise", "server:ledger", "--reason", "test")
    assert raised.code == 0, raised
    assert "ended with -9 and starts anew" in system.gates["gate"].program.output
    nothing_is_missing(system)


def test_a_kill_converges_although_a_worker_dies_meanwhile(system: System) -> None:
    with under_load(system):
        more(system, 10)
        os.kill(workers(system)[0], signal.SIGKILL)
        raised = system.manage("kill", "raise", "server:ledger", "--reason", "test")
        returned = time.monotonic()
        assert raised.code == 0, raised
    crossed = [float(line.split()[0]) for line in (system.home / "ledger").read_text().splitlines()]
    assert max(crossed) < returned
    nothing_is_missing(system)


def test_a_worker_that_stands_still_keeps_a_stop_from_being_confirmed(system: System) -> None:
    stuck = workers(system)[0]
    os.kill(stuck, signal.SIGSTOP)
    try:
        raised = system.manage("kill", "raise", "server:ledger", "--reason", "test", "--timeout", "3")
        assert raised.code == 1, raised
        assert "converged 0 of 1" in raised.out
    finally:
        os.kill(stuck, signal.SIGCONT)
    again = system.manage("kill", "raise", "server:ledger", "--reason", "test")
    assert again.code == 0, again


def test_no_worker_outlives_the_process_above_and_fewer_workers_ship_what_the_others_left(system: System) -> None:
    gate = system.gates["gate"]
    with under_load(system):
        more(system, 10)
        orphans = workers(system)
        gate.program.kill()
        began = time.monotonic()
        wait_for(lambda: not any(map(alive, orphans)), "the workers to end")
        assert time.monotonic() - began < 15
        crossed = len(lines_of(system.home / "ledger"))
    assert len(lines_of(system.home / "ledger")) == crossed
    system.open_gate(gate.file)
    ada = system.caller("gate", system.token("ada"))
    trace = "1" * 32
    answer = ada.call("note", {"nonce": f"after-{trace}"}, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    assert answer.codes == []
    nothing_is_missing(system)


def test_calls_that_were_in_flight_when_everything_was_killed_are_told_of_by_fewer_workers(system: System) -> None:
    gate, ada = system.gates["gate"], system.token("ada")

    def slow(number: int) -> None:
        trace = f"{number:032x}"
        try:
            system.caller("gate", ada).call(
                "note", {"nonce": f"slow-{trace}", "wait_s": 25}, traceparent=f"00-{trace}-00f067aa0ba902b7-01"
            )
        except (OSError, HTTPException):
            return

    threads = [threading.Thread(target=slow, args=(number,)) for number in range(1, 13)]
    goal = len(lines_of(system.home / "ledger")) + len(threads)
    for thread in threads:
        thread.start()
    wait_for(lambda: len(lines_of(system.home / "ledger")) >= goal, "all calls to be in flight")
    told = "from controlplane.incidents.effect import effect_lines; print(effect_lines('server:ledger'))"
    wait_for(
        lambda: "Under way there now: 12 calls, 0 open sessions" in system.manage("shell", "-c", told).out,
        "the page of a switch to know of them",
        timeout_s=15,
    )
    os.killpg(gate.program.process.pid, signal.SIGKILL)
    gate.program.process.wait()
    for thread in threads:
        thread.join()
    system.open_gate(gate.file)
    nothing_is_missing(system)
    slow_ones = {f"{number:032x}" for number in range(1, 13)}
    receipts = [r for r in system.receipts("--enforcer", "gate") if r["trace_id"] in slow_ones]
    assert [r["outcome"]["detail"] for r in receipts] == ["interrupted: effect unknown"] * len(threads)
