"""What an operator sees of a running system, from outside: metrics, readiness, logs and one trace through all of it."""

import json
import os
import re
import secrets
import signal
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.admin import admin_url, give_admin_address
from tests.support.bench import lines_of, open_bench
from tests.support.processes import wait_for
from tests.support.system import Gate, System, running

SPAN = "00f067aa0ba902b7"
CANARY = "canary7Argument"


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("observed")) as system:
        open_bench(system)
        yield system


@pytest.fixture(scope="module")
def gate(observed: System) -> Gate:
    """One with an admin address, of the system's choice."""
    url = re.findall(r'^url = "(http://[^"]+/mcp)"$', observed.gates["gate"].file.read_text(), re.MULTILINE)[0]
    file = observed.enroll("watched", "ledger", upstream=url)
    return observed.open_gate(give_admin_address(file))


@pytest.fixture(scope="module")
def admin(gate: Gate) -> str:
    """Its URL."""
    return admin_url(gate)


def get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def samples(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^([^#\s]+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}


def web(system: System) -> tuple[str, str]:
    """(URL of the control plane, the metrics token)."""
    return (system.data / "web.url").read_text().strip(), (system.data / "metrics.token").read_text().strip()


def test_a_call_has_one_trace_from_the_caller_to_the_receipt_and_is_in_no_log(observed: System, gate: Gate) -> None:
    trace, token = secrets.token_hex(16), observed.token("ada")
    assert observed.caller("watched", token).call("note", {"nonce": CANARY}, traceparent=f"00-{trace}-{SPAN}-01").result
    assert CANARY in lines_of(observed.home / "ledger")
    receipt = wait_for(lambda: next((r for r in observed.receipts() if r["trace_id"] == trace), None), "the receipt")
    assert receipt["mcp"]["tool_name"] == "note"
    for log in observed.home.glob("*.log"):
        said = log.read_text(errors="replace")
        assert token not in said, log
        assert CANARY not in said, log


def test_every_line_of_the_enforcers_log_is_json_off_a_terminal(observed: System, gate: Gate, admin: str) -> None:
    lines = [line for line in gate.program.output.splitlines() if not line.startswith("ready: ")]
    assert all({"time", "level", "logger", "message"} <= json.loads(line).keys() for line in lines)


def test_the_enforcer_counts_and_says_what_it_stands_on(observed: System, gate: Gate, admin: str) -> None:
    caller = observed.caller("watched", observed.token("ada"))
    assert caller.call("note", {"nonce": "counted"}).result
    assert caller.call("missing").codes == ["DENY_TOOL_NOT_FOUND"]
    found = samples(get(f"{admin}/metrics")[1])
    allowed = 'drawbridge_decisions_total{decision="allow",reason="ALLOW_POLICY_MATCH",server="ledger"}'
    assert found[allowed] >= 1
    assert found['drawbridge_decisions_total{decision="deny",reason="DENY_TOOL_NOT_FOUND",server="ledger"}'] == 1
    assert found["drawbridge_journal_commit_seconds_count"] >= 2
    assert found['drawbridge_lease_age_seconds{server="ledger"}'] < 10
    assert found['drawbridge_link_redis_up{server="ledger"}'] == 1
    assert found["drawbridge_allow_without_policy_total"] == 0
    status, text = get(f"{admin}/readyz")
    state = json.loads(text)
    assert (status, state["ready"]) == (200, True)
    assert state["servers"]["ledger"]["degradation"] == "none"
    wait_for(lambda: samples(get(f"{admin}/metrics")[1])["drawbridge_journal_depth"] == 0, "the acknowledgement")


def test_a_kill_is_timed_where_it_takes_effect(observed: System, gate: Gate, admin: str) -> None:
    timed = 'drawbridge_kill_apply_seconds_count{server="ledger"}'
    before = samples(get(f"{admin}/metrics")[1])[timed]
    assert observed.manage("kill", "raise", "tool:ledger/other", "--reason", "a test").code == 0
    assert observed.manage("kill", "lower", "tool:ledger/other", "--reason", "a test").code == 0
    assert wait_for(lambda: samples(get(f"{admin}/metrics")[1])[timed] >= before + 2, "both news")


def test_on_the_public_address_there_is_a_word_and_no_metrics(gate: Gate) -> None:
    base = gate.url.removesuffix("/mcp")
    assert get(f"{base}/readyz") == (200, '{"status":"ready"}')
    assert get(f"{base}/metrics")[0] == 404


def test_the_control_plane_tells_the_tokens_holder_alone(observed: System, gate: Gate) -> None:
    url, token = web(observed)
    assert stat.S_IMODE((observed.data / "metrics.token").stat().st_mode) == 0o600
    assert get(f"{url}/metrics")[0] == 401
    status, text = get(f"{url}/metrics", Authorization=f"Bearer {token}")
    found = samples(text)
    assert status == 200
    assert found['drawbridge_control_enforcers{state="live"}'] >= 3
    assert found['drawbridge_control_enforcer_epochs_behind{enforcer="watched"}'] == 0
    assert found['drawbridge_control_lease_age_seconds{server="ledger"}'] < 10
    assert found["drawbridge_control_receipts_stored"] >= 1
    assert (found["drawbridge_control_chains_broken"], found["drawbridge_control_receipt_conflicts"]) == (0, 0)
    assert get(f"{url}/readyz") == (200, "ready\n")


def test_the_control_plane_is_not_ready_while_its_ingest_worker_stands_still(observed: System) -> None:
    url, token = web(observed)
    worker = observed.part("worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        wait_for(lambda: get(f"{url}/readyz") == (503, "not ready\n"), "the word")
        parts = json.loads(get(f"{url}/readyz", Authorization=f"Bearer {token}")[1])["parts"]
        assert [name for name, part in parts.items() if not part["ok"]] == ["ingest"]
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_for(lambda: get(f"{url}/readyz")[0] == 200, "readiness")


def test_a_person_who_runs_up_reads_lines_and_no_secret(observed: System) -> None:
    assert observed.up is not None
    said = observed.up.output
    assert re.search(r"^publisher: \S+Z INFO controlplane\.policy\S*: ", said, re.MULTILINE)
    for name in ("secret.key", "metrics.token", "redis-admin.url", "broker-admin.url", "broker-ingest.url"):
        assert Path(observed.data / name).read_text().strip() not in said
