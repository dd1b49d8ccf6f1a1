"""Real processes, really killed; a real disk, really full."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from enforcer.journal import Journal
from tests.enforcer.journal.receipts import open_ids, stored
from tests.support.needs import need, need_program

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.faults


def hammer_and_kill(directory: Path, after_s: float) -> list[list[str]]:
    """What the process said was durable before `kill -9` met it."""
    argv = [sys.executable, "-m", "tests.enforcer.journal.hammer", str(directory)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = [process.stdout.readline()]
        until = time.monotonic() + after_s
        while time.monotonic() < until:
            said.append(process.stdout.readline())
        process.kill()
        said += process.stdout.readlines()
    assert process.returncode == -9
    return [line.decode().split() for line in said if line.endswith(b"\n")]


def test_what_was_reported_durable_survives_kill_9_under_load(tmp_path: Path) -> None:
    rng = random.Random(11)
    said: list[list[str]] = []
    for _ in range(5):
        said += hammer_and_kill(tmp_path, rng.uniform(0.05, 0.4))
    Journal.open(tmp_path, enforcer_id="probe").close()
    there = {str(r["receipt_id"]): r for r in stored(tmp_path)}
    recorded = {words[1]: words[2] for words in said if words[0] == "recorded"}
    intended = {words[1] for words in said if words[0] == "intended"}
    assert len(recorded) > 50
    assert {name: there[name]["receipt_hash"] for name in recorded} == recorded
    assert intended <= there.keys()
    assert open_ids(tmp_path) == set()
    interrupted = [r for r in there.values() if "interrupted" in str(r["outcome"])]
    assert 0 < len(interrupted) <= 5 * 16
    assert not {str(r["receipt_id"]) for r in interrupted} & recorded.keys()


def test_the_directory_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    hammer_and_kill(tmp_path, 0.05)
    Journal.open(tmp_path, enforcer_id="probe").close()


def test_a_full_disk_refuses_and_recovers_without_a_restart(tmp_path: Path) -> None:
    allowed = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
    need(allowed, "unshare -rm: user namespaces")
    script = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" -m tests.enforcer.journal.small_disk "$1"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "full" in done.stdout
    assert "whole with" in done.stdout


@pytest.mark.parametrize("when", [4, 7, 12])
@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_a_sync_that_fails_or_kills_loses_nothing_that_was_reported(tmp_path: Path, fault: str, when: int) -> None:
    need_program("strace")
    trace = tmp_path / "trace"
    inject = f"inject=fdatasync:{fault}:when={when}"
    argv = ["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=fdatasync", "-e", inject, sys.executable, "-m"]
    done = subprocess.run(
        [*argv, "tests.enforcer.journal.one_by_one", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "INJECTED" in trace.read_text() or "killed by SIGKILL" in trace.read_text(), "the fault did not fire"
    Journal.open(tmp_path, enforcer_id="probe").close()
    there = {str(r["receipt_id"]): r for r in stored(tmp_path)}
    said = [line.split() for line in done.stdout.splitlines()]
    assert {name for word, name in said if word != "refused"} <= there.keys()
    for word, name in said:
        if word == "recorded":
            assert "success" in str(there[name]["outcome"])
    assert ("refused" in done.stdout) == (fault == "error=EIO")
    assert open_ids(tmp_path) == set()
