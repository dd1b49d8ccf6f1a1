"""A raised switch holds whatever becomes of Valkey and the publisher, and after a restart of the enforcer meanwhile."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException

import pytest
import redis

from tests.support.bench import lines_of, policy
from tests.support.processes import wait_for
from tests.support.system import ROOT, System, running

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
TARGET = "tool:ledger/note"


class Bench:
    """One gate before the ledger; ada calls `note`, each time with a new nonce."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.ada = system.token("ada")
        self.count = 0
        self.admin = redis.Redis.from_url((system.data / "redis-admin.url").read_text().strip(), socket_timeout=2)

    def call(self) -> list[str] | None:
        """Reason codes, empty where it passed; None while nobody listens."""
        self.count += 1
        try:
            return self.system.caller("gate", self.ada).call("note", {"nonce": f"n{self.count}"}).codes
        except (OSError, HTTPException):
            return None

    def crossed(self) -> int:
        return len(lines_of(self.system.home / "ledger"))

    def restart_gate(self) -> None:
        gate = self.system.gates["gate"]
        gate.program.kill()
        self.system.launch_gate(gate.file)
        wait_for(lambda: self.call() is not None, "the gate to listen")

    def begin_kill(self, action: str = "raise") -> "subprocess.Popen[str]":
        """The host operator's command, beside the fault."""
        argv = [sys.executable, str(ROOT / "manage.py"), "kill", action, TARGET, "--reason", "t", "--timeout", "20"]
        return subprocess.Popen(argv, env=self.system.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    home = tmp_path_factory.mktemp("holds")
    with running(home) as system:
        (home / "workspace").mkdir()
        system.apply(policy(home / "workspace"))
        url = system.start_upstream("ledger", "--ledger", str(home / "ledger"))
        system.open_gate(system.enroll("gate", "ledger", upstream=url))
        yield Bench(system)


Fault = Callable[[Bench], "contextmanager[None]"]


@contextmanager
def killed(bench: Bench) -> Iterator[None]:
    """Valkey dies as the switch is raised, and comes back empty."""
    os.kill(bench.system.part("valkey-policy"), signal.SIGKILL)
    yield


@contextmanager
def flushed(bench: Bench) -> Iterator[None]:
    """Again and again."""
    bench.admin.flushall()
    yield
    bench.admin.flushall()


@contextmanager
def rolled_back(bench: Bench) -> Iterator[None]:
    """What stood there before the switch stands there again: an old dump, or a replica that lagged behind."""
    old = {key: bench.admin.get(key) for key in bench.admin.keys("drawbridge:*") if bench.admin.type(key) == b"string"}
    yield
    os.kill(bench.system.part("valkey-policy"), signal.SIGKILL)
    wait_for(lambda: answers(bench.admin), "Valkey to be back")
    for key, value in old.items():
        bench.admin.set(key, value or b"")
        bench.admin.publish("drawbridge:changed:ledger", b"lease")


@contextmanager
def full(bench: Bench) -> Iterator[None]:
    """It takes no more writes."""
    bench.admin.config_set("maxmemory", "1")
    with pytest.raises(redis.RedisError):  # the fault is there
        bench.admin.set("drawbridge:test", "x")
    yield
    bench.admin.config_set("maxmemory", "0")


@contextmanager
def frozen(bench: Bench) -> Iterator[None]:
    """Its sockets stay open."""
    pid = bench.system.part("valkey-policy")
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


@contextmanager
def publisher_killed_before_it_writes(bench: Bench) -> Iterator[None]:
    """It stands still when the row is committed, and never goes on: another process has to."""
    pid = bench.system.halt("publisher")
    yield
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: bench.system.part("publisher") != pid, "the publisher to be started again")


def answers(client: redis.Redis) -> bool:
    with suppress(redis.RedisError):
        return bool(client.ping())
    return False


FAULTS = (killed, flushed, rolled_back, full, frozen, publisher_killed_before_it_writes)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
def test_a_kill_holds_and_a_restarted_enforcer_holds_it_too(fault: Fault, bench: Bench) -> None:
    wait_for(lambda: bench.call() == [], "calls to pass", timeout_s=60)
    before = bench.crossed()
    with fault(bench):
        raising = bench.begin_kill()
        if fault is publisher_killed_before_it_writes:
            wait_for(lambda: row_is_committed(bench), "the switch's row")
        else:
            wait_for(lambda: is_killed(bench.call()), "the switch to hold", timeout_s=30)
            assert bench.crossed() > before  # calls did pass until then
            stopped_at = bench.crossed()
            bench.restart_gate()
            for _ in range(5):
                assert bench.call()
            assert bench.crossed() == stopped_at
    told, _ = raising.communicate(timeout=60)
    wait_for(lambda: is_killed(bench.call()), f"the switch to hold afterwards, {told}", timeout_s=30)
    stopped_at = bench.crossed()
    bench.restart_gate()
    wait_for(lambda: is_killed(bench.call()), "the restarted gate to know", timeout_s=30)
    assert bench.crossed() == stopped_at
    lowering = bench.begin_kill("lower")
    lowering.communicate(timeout=60)
    wait_for(lambda: bench.call() == [], "calls to pass again", timeout_s=60)


def is_killed(codes: list[str] | None) -> bool:
    return codes is not None and codes[:1] == ["DENY_KILL_SWITCH"]


def row_is_committed(bench: Bench) -> bool:
    done = bench.system.manage("shell", "-c", COUNT)
    return done.out.strip().endswith("raised 1")


COUNT = (
    "from controlplane.incidents.models import KillSwitch;"
    "print('raised', KillSwitch.objects.filter(lowered_at__isnull=True).count())"
)
