"""Where bubblewrap can't run, only a server of trust `internal` is launched, and log, receipt and heartbeat say so."""

import base64
import json
import sys
from pathlib import Path

import redis

from enforcer.contract import redis_names
from tests.support.processes import wait_for
from tests.support.system import BIN, System

SCHEMA = {"type": "object", "properties": {"nonce": {"type": "string"}}}


def policy(trust: str) -> dict[str, object]:
    server = f"bare-{trust}"
    return {
        "servers": [{"id": server, "title": server, "trust_level": trust, "credential": {"mode": "none"}}],
        "tools": [{"server": server, "name": "get_current_time", "risk": "LOW", "input_schema": SCHEMA}],
        "principals": [{"subject": "ada", "actor_type": "agent"}],
        "grants": [{"principal": "ada", "server": server, "tools": ["*"], "reason": "tests"}],
    }


def warnings(system: System, gate: str) -> list[str]:
    admin = redis.Redis.from_url((system.data / "redis-admin.url").read_text().strip())
    raw = admin.get(redis_names.heartbeat(gate))
    if not isinstance(raw, bytes):
        return []
    found: list[str] = json.loads(base64.b64decode(json.loads(raw)["payload"])).get("warnings", [])
    return found


def open_bare_gate(system: System, trust: str, tmp_path: Path) -> str:
    """A gate on a host whose PATH has no bwrap."""
    system.apply(policy(trust))
    command = [sys.executable, str(BIN / "mcp-server-time"), "--local-timezone", "UTC"]
    file = system.enroll(f"bare-{trust}", f"bare-{trust}", command=command)
    gate = system.launch_gate(file, PATH=str(tmp_path))
    gate.program.line("ready: ")
    return gate.file.stem


def test_an_internal_server_is_launched_with_a_warning_everywhere(system: System, ada: str, tmp_path: Path) -> None:
    gate = open_bare_gate(system, "internal", tmp_path)
    trace = "0123456789abcdef0123456789abcdef"
    meta = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    assert system.caller(gate, ada).call("get_current_time", {}, **meta).codes == ["DENY_TOOL_CHANGED"]  # it was listed
    assert "started without a sandbox: bwrap is not installed" in system.gates[gate].program.output
    wait_for(lambda: any("without a sandbox" in w for w in warnings(system, gate)), "the warning in the heartbeat")
    receipt = next(r for r in system.receipts("--enforcer", gate) if r["trace_id"] == trace)
    assert receipt["sandbox"] == {"fs_policy": "none", "net_policy": "none"}


def test_a_server_of_another_trust_is_not_launched(system: System, ada: str, tmp_path: Path) -> None:
    gate = open_bare_gate(system, "community", tmp_path)
    answer = system.caller(gate, ada).call("get_current_time", {})
    assert answer.error["data"]["reason"] == "upstream_unavailable"
    assert "is not launched: no sandbox on this host" in system.gates[gate].program.output
    wait_for(lambda: any("is not launched" in w for w in warnings(system, gate)), "the warning in the heartbeat")
