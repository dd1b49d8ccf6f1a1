"""Two publishers beside each other, one or the other halted at any moment: the last committed state ends up everywhere.

`RACE_ROUNDS=1000` for the long form.
"""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from controlplane.policy.wake import CHANNEL
from tests.support.bench import policy
from tests.support.processes import Program, wait_for
from tests.support.system import ROOT, System, running

ROUNDS = int(os.environ.get("RACE_ROUNDS", "60"))
SEED = int(os.environ.get("SEED", "20261127"))
HALT_S = 0.05

pytestmark = [pytest.mark.faults, pytest.mark.timeout(0 if ROUNDS > 100 else 240)]


def second_publisher(system: System) -> Program:
    return Program(
        [sys.executable, ROOT / "manage.py", "publisher"],
        log=system.home / "publisher-2.log",
        env=publisher_env(system),
    )


def publisher_env(system: System) -> dict[str, str]:
    """As the first one has it: found in its process, since only the supervisor knows its addresses."""
    raw = Path(f"/proc/{system.part('publisher')}/environ").read_bytes()
    return dict(line.split("=", 1) for line in raw.decode().split("\0") if "=" in line)


def listening(system: System) -> int:
    """How many publishers wait for work."""
    with redis.Redis.from_url((system.data / "redis-admin.url").read_text().strip()) as client:
        return int(client.pubsub_numsub(CHANNEL)[0][1])


def halt(pids: tuple[int, ...], racing: subprocess.Popen[str]) -> int:
    """One of them stands still for a moment, again and again; how often."""
    chosen, count = random.Random(SEED), 0
    while racing.poll() is None:
        pid = chosen.choice(pids)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(chosen.uniform(0, HALT_S))  # the fault itself: not a wait for a condition
            os.kill(pid, signal.SIGCONT)
        time.sleep(chosen.uniform(0, HALT_S))  # until the next one
        count += 1
    return count


def test_the_last_committed_state_is_everywhere_after_each_round(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        (tmp_path / "workspace").mkdir()
        system.apply(policy(tmp_path / "workspace"))
        url = system.start_upstream("ledger", "--ledger", str(tmp_path / "ledger"))
        gate = system.open_gate(system.enroll("gate", "ledger", upstream=url))
        listeners = listening(system)
        second = second_publisher(system)
        argv = [sys.executable, "-m", "tests.faults.racer", "ledger", str(ROUNDS), str(gate.data / "policy.json")]
        try:
            wait_for(lambda: listening(system) > listeners, "the second publisher to be at work")
            with subprocess.Popen(
                argv, cwd=ROOT, env=publisher_env(system), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ) as racing:
                halts = halt((system.part("publisher"), second.process.pid), racing)
                assert racing.stdout is not None
                told = racing.stdout.read()
        finally:
            second.stop()
        assert racing.returncode == 0, told
        assert told.count("round ") == ROUNDS, told
        assert halts >= ROUNDS / 4  # the fault did happen
