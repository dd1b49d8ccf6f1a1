"""The enforcer is killed at one system call after the other, in the middle of calls: the oracle finds nothing amiss.

`CRASH_POINTS` says at how many; each is another call to the kernel, of the journal's thread or of the one that serves.
"""

import itertools
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.oracle import KINDS, Oracle
from tests.support.bench import policy
from tests.support.children import alive
from tests.support.needs import need_program
from tests.support.processes import wait_for
from tests.support.system import Gate, System, running

POINTS = int(os.environ.get("CRASH_POINTS", "40"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(300 + 10 * POINTS)]
PLACES = {
    "journal": ("pwrite64,fdatasync", "journal.sqlite3-wal"),
    "serving": ("read,write,accept4,close", None),
}
ERRORS = [
    "fdatasync:error=EIO:when=1",
    "fdatasync:error=EIO:when=2",
    "pwrite64:error=ENOSPC:when=3",
    "pwrite64:error=EIO:when=9",
    "fdatasync:delay_exit=3000000:when=1",
]
MOST_CALLS = 60


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    need_program("strace")
    home = tmp_path_factory.mktemp("crashes")
    with running(home) as system:
        (home / "workspace").mkdir()
        system.apply(policy(home / "workspace"))
        url = system.start_upstream("ledger", "--ledger", str(home / "ledger"))
        system.open_gate(system.enroll("gate", "ledger", upstream=url))
        made = Oracle(system, "gate", system.token("ada"))
        made.ask("note")  # its server is listed, its connections are open
        yield made


@contextmanager
def injected(gate: Gate, inject: str, log: Path, path: str | None = None) -> Iterator[None]:
    """strace at the gate, attached to every thread, so that its counts begin here."""
    pid, calls = gate.program.process.pid, inject.split(":", 1)[0]
    only = ["-P", str(gate.data / path)] if path else []
    argv = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={calls}", *only, "-e", f"inject={inject}"]
    tracer = subprocess.Popen([*argv, "-p", str(pid)])
    try:
        wait_for(lambda: dead(gate) or traced(pid), "strace to be attached")
        yield
    finally:
        tracer.terminate()
        try:
            tracer.wait(3)
        except subprocess.TimeoutExpired:  # it waits for a thread that died as it was born
            tracer.kill()
            tracer.wait()


def dead(gate: Gate) -> bool:
    """Its tracer may not have let go of it yet."""
    return not alive(gate.program.process.pid)


def traced(pid: int) -> bool:
    states = [_state(path) for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all(re.search(r"^TracerPid:\t[1-9]", state, re.MULTILINE) for state in states if state)


def _state(path: Path) -> str:
    """None of a thread that ended meanwhile."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def restarted(system: System, gate: Gate) -> Gate:
    again = system.launch_gate(gate.file)
    again.program.line("ready: ")
    return again


def crash(oracle: Oracle, place: str, number: int, log: Path) -> None:
    """Kill it at that call, counted from now."""
    gate = oracle.system.gates["gate"]
    calls, path = PLACES[place]
    with injected(gate, f"{calls}:signal=KILL:when={number}", log, path):
        calls_left = itertools.islice(itertools.cycle(KINDS), MOST_CALLS)
        while not dead(gate) and (kind := next(calls_left, None)):
            oracle.ask(kind)
    said = f"{place} {number}: the fault did not fire: {log.read_text()[-500:]}"
    assert dead(gate), said
    assert gate.program.process.wait(10) == -signal.SIGKILL, said  # nobody else sends that


def test_killed_at_any_system_call_it_loses_nothing_and_tells_no_lie(oracle: Oracle, tmp_path: Path) -> None:
    system = oracle.system
    for number in range(1, POINTS // 2 + 1):
        for place in PLACES:
            crash(oracle, place, number, tmp_path / f"{place}-{number}")
            restarted(system, system.gates["gate"])
    receipts = oracle.check()
    cut = [r for r in receipts if r.get("outcome", {}).get("detail", "").startswith("interrupted")]
    assert len(cut) >= POINTS // 8, "hardly any call was cut in the middle: the points are no longer where they were"


@pytest.mark.parametrize("fault", ERRORS)
def test_a_disk_that_fails_once_refuses_and_goes_on(oracle: Oracle, fault: str, tmp_path: Path) -> None:
    gate = oracle.system.gates["gate"]
    with injected(gate, fault, tmp_path / "log", PLACES["journal"][1]):
        for kind in (*KINDS, *KINDS):
            oracle.ask(kind)
    assert re.search(r"\(INJECTED\)|\(DELAYED\)", (tmp_path / "log").read_text()), "the fault did not fire"
    assert gate.program.process.poll() is None
    answered = len(oracle.answered)

    def answers() -> bool:
        oracle.ask("note")
        return len(oracle.answered) > answered

    wait_for(answers, "the journal to be written again")
    oracle.check()
