"""`enforcer run --workers 3` through the whole system: one enforcer to everybody, whichever process answers."""

import json
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.admin import admin_url, give_admin_address, metric
from tests.support.bench import lines_of, policy
from tests.support.caller import Answer, Caller
from tests.support.children import children
from tests.support.processes import wait_for
from tests.support.system import System, running

LEGACY = "2025-06-18"
WORKERS = 3
GRANTS = [
    {"principal": "ada", "server": "ledger", "tools": ["*"], "reason": "tests"},
    {"principal": "grace", "server": "ledger", "tools": ["note"], "rate": "6/hour", "reason": "tests"},
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    home = tmp_path_factory.mktemp("workers")
    (home / "workspace").mkdir()
    with running(home) as made:
        made.apply(policy(home / "workspace", grants=GRANTS))
        url = made.start_upstream("ledger", "--ledger", str(home / "ledger"))
        made.open_gate(give_admin_address(made.enroll("gate", "ledger", upstream=url)), workers=WORKERS)
        yield made


@pytest.fixture
def ada(system: System) -> Caller:
    return system.caller("gate", system.token("ada"))


def workers(system: System) -> list[int]:
    return children(system.gates["gate"].program.process.pid)


def spread(system: System, caller: Caller, name: str) -> list[Answer]:
    """Calls until every worker has answered some of them."""
    answers: list[Answer] = []
    answered = answered_by(system)

    def by_all() -> bool:
        answers.extend(caller.call("note", {"nonce": f"{name}-{len(answers) + n}"}) for n in range(10))
        now = answered_by(system)
        return all(now[worker] > answered[worker] for worker in "123")

    wait_for(by_all, "an answer of every worker")
    return answers


def answered_by(system: System) -> Counter[str]:
    """Messages decided, by worker."""
    with urllib.request.urlopen(f"{admin_url(system.gates['gate'])}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    found: Counter[str] = Counter()
    for labels, value in re.findall(r"^drawbridge_decisions_total\{(.*)\} (\S+)$", text, re.MULTILINE):
        found[re.search(r'worker="(\w+)"', labels)[1]] += int(float(value))  # type: ignore[index]
    return found


def test_every_worker_serves_and_has_a_chain_of_its_own(system: System, ada: Caller) -> None:
    answers = spread(system, ada, "spread")
    assert {tuple(answer.codes) for answer in answers} == {()}
    assert len(workers(system)) == WORKERS
    receipts = [r for r in system.receipts("--enforcer", "gate") if r["mcp"].get("method") == "tools/call"]
    assert len(receipts) == len(answers) == len(lines_of(system.home / "ledger"))
    assert len({r["chain_id"] for r in receipts}) == WORKERS
    verified = system.manage("receipts", "verify")
    assert verified.code == 0, verified


def test_a_rate_is_counted_by_all_workers_together(system: System) -> None:
    grace = system.caller("gate", system.token("grace"))
    codes = [grace.call("note", {"nonce": f"grace-{n}"}).codes for n in range(20)]
    assert codes == [[]] * 6 + [["DENY_RATE_LIMIT"]] * 14


def test_a_kill_is_converged_once_no_worker_lets_anything_pass(system: System, ada: Caller) -> None:
    spread(system, ada, "before")
    raised = system.manage("kill", "raise", "tool:ledger/note", "--reason", "test")
    assert raised.code == 0, raised
    crossed = len(lines_of(system.home / "ledger"))
    refused = spread(system, ada, "killed")
    assert {tuple(answer.codes) for answer in refused} == {("DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE")}
    assert len(lines_of(system.home / "ledger")) == crossed
    lowered = system.manage("kill", "lower", "tool:ledger/note", "--reason", "test")
    assert lowered.code == 0, lowered
    assert {tuple(answer.codes) for answer in spread(system, ada, "after")} == {()}


def test_a_stop_on_the_host_is_confirmed_once_every_worker_follows_it(system: System, ada: Caller) -> None:
    file = str(system.gates["gate"].file)
    assert system.enforcer("kill", file, "--reason", "test").code == 0
    assert {tuple(answer.codes) for answer in spread(system, ada, "stopped")} == {
        ("DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE")
    }
    assert system.enforcer("kill", file, "--reason", "test", "--lower").code == 0
    assert {tuple(answer.codes) for answer in spread(system, ada, "let go")} == {()}
    acts = wait_for(
        lambda: [r for r in system.receipts(settle_s=0) if r.get("action", "").startswith("kill.local")][1:],
        "the receipts of both acts",
    )
    assert acts


def opened(caller: Caller) -> str:
    """A session of the handshake era; its id."""
    params = {
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    answer = said(caller, {"id": 1, "method": "initialize", "params": params}, None)
    assert answer.status == 200, answer
    session = answer.headers["mcp-session-id"]
    assert said(caller, {"method": "notifications/initialized"}, session).status == 202
    return session


def said(caller: Caller, message: dict[str, Any], session: str | None) -> Answer:
    """On a connection of its own: any worker may get it."""
    headers = {"MCP-Protocol-Version": LEGACY} | ({"Mcp-Session-Id": session} if session else {})
    return caller.post(json.dumps({"jsonrpc": "2.0", **message}).encode(), headers)


def test_a_session_of_the_handshake_era_is_found_whichever_worker_is_asked(system: System, ada: Caller) -> None:
    sessions = [opened(ada) for _ in range(4)]
    for number in range(12):
        for session in sessions:
            listed = said(ada, {"id": number, "method": "tools/list"}, session)
            assert [tool["name"] for tool in listed.result["tools"]] == ["note", "other"]
    called = {"name": "note", "arguments": {"nonce": "legacy"}}
    assert said(ada, {"id": 99, "method": "tools/call", "params": called}, sessions[0]).result
    assert "legacy" in lines_of(system.home / "ledger")
    stranger = system.caller("gate", system.token("grace"))
    assert {said(stranger, {"id": n, "method": "tools/list"}, sessions[0]).status for n in range(9)} == {404}
    assert ada.post(b"", {"MCP-Protocol-Version": LEGACY, "Mcp-Session-Id": sessions[0]}, method="DELETE").status < 300
    assert {said(ada, {"id": n, "method": "tools/list"}, sessions[0]).status for n in range(9)} == {404}


@pytest.mark.parametrize("session", ["w9.unknown", "w1.unknown", "w0.x", "w64.", "nothing"])
def test_a_session_that_no_worker_has_is_unknown(ada: Caller, session: str) -> None:
    assert {said(ada, {"id": n, "method": "tools/list"}, session).status for n in range(6)} == {404}


def test_operators_see_every_worker(system: System) -> None:
    gate = system.gates["gate"]
    assert metric(gate, "drawbridge_workers_running") == WORKERS
    assert metric(gate, 'drawbridge_allow_without_policy_total{worker="2"}') == 0
    with urllib.request.urlopen(f"{admin_url(gate)}/readyz", timeout=20) as answer:
        said = json.load(answer)
    assert said["ready"] is True
    assert [said["workers"][number]["servers"]["ledger"]["degradation"] for number in "123"] == ["none"] * 3


@pytest.mark.parametrize("number", ["0", "65", "-1", "many"])
def test_a_number_of_workers_that_makes_no_sense_is_refused_by_name(system: System, number: str) -> None:
    done = system.enforcer("run", str(system.gates["gate"].file), "--workers", number)
    assert done.code == 2
    assert "--workers" in done.err


def test_a_second_one_on_the_same_directory_is_refused(system: System) -> None:
    file = system.gates["gate"].file
    other = file.with_name("second.toml")
    other.write_text(
        re.sub(r"^(listen|admin_listen) = .*$", r'\1 = "127.0.0.1:0"', file.read_text(), flags=re.MULTILINE)
    )
    done = system.enforcer("run", str(other), "--workers", "2")
    assert done.code == 2
    assert "is in use by process" in done.err
