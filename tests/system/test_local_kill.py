"""`enforcer kill`: one hand on the host stops the gate, with nobody else alive."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bench import lines_of, open_bench
from tests.support.processes import wait_for
from tests.support.system import System, running

CONFIRMED = re.compile(r"gate  \d+\.\d ms\n")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[System]:
    with running(tmp_path) as system:
        open_bench(system)
        yield system


def kill(system: System, *more: str) -> tuple[int, str]:
    done = system.enforcer("kill", str(system.gates["gate"].file), "--reason", "INC-9", *more)
    return done.code, done.out


def test_it_stops_the_gate_without_the_control_plane_survives_a_restart_and_is_lowered(
    alone: System, tmp_path: Path
) -> None:
    ada = alone.token("ada")

    def call(nonce: str) -> list[str]:
        return alone.caller("gate", ada).call("note", {"nonce": nonce}).codes

    assert call("before") == []
    assert alone.up is not None
    alone.up.kill()  # Redis, web, publisher: nobody is left

    code, said = kill(alone)
    assert (code, bool(CONFIRMED.fullmatch(said))) == (0, True)
    assert call("killed") == ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]
    file = alone.gates["gate"].file
    checked = alone.enforcer("check", str(file), "--token", ada, "--tool", "note", "--args", '{"nonce": "x"}')
    assert (checked.code, checked.out.split()[1]) == (1, "DENY_KILL_SWITCH")

    alone.gates["gate"].program.kill()
    alone.launch_gate(file).program.line("ready: ")
    assert call("restarted") == ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]
    assert kill(alone)[0] == 0  # it was raised already, and still holds

    code, said = kill(alone, "--lower")
    assert (code, bool(CONFIRMED.fullmatch(said))) == (0, True)
    assert call("lowered") == []
    assert kill(alone, "--lower") == (0, "it was not stopped on this host\n")
    assert not {"killed", "restarted"} & set(lines_of(tmp_path / "ledger"))

    alone.start()
    acts = wait_for(
        lambda: found if len(found := acts_of(alone)) == 2 else None, "the receipts of both acts", timeout_s=30
    )
    assert [act["action"] for act in acts] == ["kill.local.raise", "kill.local.lower"]
    for act in acts:
        assert act["principal"]["sub"].startswith("os:")
        assert act["detail"]["reason"] == "INC-9"


def acts_of(system: System) -> list[dict[str, dict[str, str]]]:
    lines = system.receipts("--enforcer", "gate", settle_s=0)
    return [line for line in lines if line["receipt_type"] == "csp.drawbridge.admin.v1"]


def test_a_gate_that_is_not_running_starts_stopped(alone: System) -> None:
    ada, gate = alone.token("ada"), alone.gates["gate"]
    gate.program.kill()
    code, said = kill(alone, "--timeout", "0.2")
    assert (code, said) == (1, "gate  no process answers; it starts stopped\n")
    alone.open_gate(gate.file)
    assert alone.caller("gate", ada).call("note", {"nonce": "x"}).codes[0] == "DENY_KILL_SWITCH"
    told = "from controlplane.fleet.heartbeats import heard; from controlplane.fleet.models import Enforcer; "
    told += "print(heard(list(Enforcer.objects.all())))"
    wait_for(
        lambda: "stopped on its host by os:" in alone.manage("shell", "-c", told).out,
        "the fleet to hear of it",
        timeout_s=20,
    )
