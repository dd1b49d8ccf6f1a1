"""The enforcer goes on without the control plane, and a damaged memory counts as none."""

from pathlib import Path

from tests.support.bench import open_bench
from tests.support.processes import wait_for
from tests.support.system import Gate, System, running


def restart(system: System, gate: Gate) -> Gate:
    gate.program.kill()
    return system.launch_gate(gate.file)


def test_an_allowed_call_passes_without_valkey_web_and_publisher_and_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        open_bench(system)
        ada = system.token("ada")
        assert system.caller("gate", ada).call("note", {"nonce": "before"}).result
        gate, memory = system.gates["gate"], system.gates["gate"].data / "policy.json"
        assert system.up is not None
        system.up.kill()  # and everything it started

        assert system.caller("gate", ada).call("note", {"nonce": "alone"}).result

        gate = restart(system, gate)
        gate.program.line("ready: ")
        assert system.caller("gate", ada).call("note", {"nonce": "restarted alone"}).result
        assert system.caller("gate", ada).call("missing").codes == ["DENY_TOOL_NOT_FOUND"]

        gate.program.kill()
        memory.write_bytes(memory.read_bytes()[:-20])
        gate = system.launch_gate(gate.file)

        def answers() -> list[str]:
            try:
                return system.caller("gate", ada).call("note", {"nonce": "damaged"}).codes
            except OSError:
                return []

        assert wait_for(answers, "an answer of the gate") == ["DENY_POLICY_UNAVAILABLE"]
        assert memory.with_name("policy.json.bad").exists()
        assert "damaged" in gate.program.output
        assert "damaged" not in (tmp_path / "ledger").read_text()


def test_the_running_enforcer_has_loaded_no_django_and_no_control_plane(system: System) -> None:
    file = system.enroll("no-django", "ledger", upstream="http://127.0.0.1:9/mcp")
    gate = system.launch_gate(file, PYTHONPROFILEIMPORTTIME="1")
    gate.program.line("ready: ")
    gate.program.stop()
    loaded = {line.rsplit("|", 1)[1].strip() for line in gate.program.output.splitlines() if line.count("|") == 2}
    assert {"enforcer.process", "kombu", "uvicorn"} <= loaded  # the list is the running process's
    assert not loaded & {"django", "controlplane", "rest_framework"}  # a package is loaded before its modules
