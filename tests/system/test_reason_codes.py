"""Every reason code is reached through a real gate, here or in another test of a whole system."""

import json
import os
import signal
import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enforcer.contract.reasons import ReasonCode as R
from tests.support.caller import Caller
from tests.support.ledger import INPUT_SCHEMAS
from tests.support.processes import wait_for
from tests.support.system import System, running

NOT_IN_THIS_VERSION = {
    *(R.DENY_OAUTH_REDIRECT_INVALID, R.DENY_OAUTH_CLIENT_UNAPPROVED),
    *(R.DENY_PERMIT_INVALID, R.DENY_PERMIT_EXPIRED, R.DENY_PERMIT_REPLAYED),
    *(R.DENY_CREDENTIAL_UNAVAILABLE, R.TOKEN_EXCHANGED, R.TOKEN_FROM_VAULT),
}
STALE_S = 2
POLICY: dict[str, Any] = {
    "trust_levels": [{"name": "community", "ceiling": "MEDIUM", "stale_s": {"high": STALE_S, "all": STALE_S}}],
    "servers": [
        {"id": "ledger", "trust_level": "internal", "credential": {"mode": "none"}},
        {"id": "stale", "trust_level": "community", "credential": {"mode": "none"}},
    ],
    "tools": [
        {"server": server, "name": name, "risk": risk, "input_schema": INPUT_SCHEMAS[name]}
        for server in ("ledger", "stale")
        for name, risk in (("note", "LOW"), ("other", "CRITICAL"))
    ],
    "principals": [{"subject": name} for name in ("ada", "grace", "mallory", "rater", "stale")],
    "grants": [
        {"principal": "ada", "server": "ledger", "tools": ["*"], "max_risk": "HIGH", "reason": "t"},
        {"principal": "stale", "server": "stale", "tools": ["note"], "reason": "t"},
        {"principal": "mallory", "server": "ledger", "tools": ["note"], "reason": "t"},
        {"principal": "rater", "server": "ledger", "tools": ["note"], "rate": "1/hour", "reason": "t"},
        {
            "principal": "grace",
            "server": "ledger",
            "tools": ["note"],
            "constraint": {"properties": {"nonce": {"pattern": "^ok"}}},
            "reason": "t",
        },
    ],
}


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two gates before one ledger."""
    with running(tmp_path_factory.mktemp("reasons")) as system:
        system.apply(POLICY)
        url = system.start_upstream("ledger", "--ledger", str(system.home / "ledger"))
        for name in ("ledger", "stale"):
            system.open_gate(system.enroll(f"{name}-gate", name, upstream=url))
        yield system


def caller(system: System, who: str, gate: str = "ledger-gate") -> Caller:
    return system.caller(gate, system.token(who))


def stop(system: System, path: str, body: dict[str, Any]) -> None:
    """What an incident responder's program does."""
    done = system.manage("api_token", f"responder-{path.replace('/', '-')}", "--scope", "raise_kill")
    assert done.code == 0, done
    web = (system.data / "web.url").read_text().strip()
    request = urllib.request.Request(
        f"{web}/api/v1/{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Token {done.out.split()[-1]}", "Content-Type": "application/json", "Idempotency-Key": path},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 201, answer.read()


def test_an_argument_that_no_constraint_allows(reached: System) -> None:
    grace = caller(reached, "grace")
    assert grace.call("note", {"nonce": "ok-1"}).codes == []
    assert grace.call("note", {"nonce": "no"}).codes == ["DENY_ARGUMENT_CONSTRAINT"]


def test_a_rate_that_is_used_up_says_when_to_come_back(reached: System) -> None:
    rater = caller(reached, "rater")
    assert rater.call("note", {"nonce": "r"}).codes == []
    answer = rater.call("note", {"nonce": "r"})
    assert answer.codes == ["DENY_RATE_LIMIT"]
    assert 0 < answer.error["data"]["retry_after_s"] <= 3600


def test_a_risk_above_the_grant_wants_an_approval(reached: System) -> None:
    answer = caller(reached, "ada").call("other", {"nonce": "x"})
    assert (answer.codes, answer.error["data"]["decision"]) == (["REQUIRE_APPROVAL"], "require_approval")


def test_a_pattern_of_the_security_team_makes_a_call_critical_without_a_restart(reached: System) -> None:
    ada = caller(reached, "ada")
    assert ada.call("note", {"nonce": "kubectl delete ns"}).codes == []
    pattern = {"pattern": "kubectl (delete|drain)", "risk": "CRITICAL", "where": "arguments"}
    reached.apply({"risk_patterns": [pattern]})
    wait_for(lambda: ada.call("note", {"nonce": "kubectl delete ns"}).codes == ["REQUIRE_APPROVAL"], "the pattern")
    assert ada.call("note", {"nonce": "kubectl get ns"}).codes == []


def test_a_call_that_needs_no_token_upstream_says_so(reached: System) -> None:
    assert caller(reached, "ada").call("note", {"nonce": "none"}).codes == []
    receipts = wait_for(
        lambda: [r for r in reached.receipts(settle_s=0) if r["receipt_type"] == "csp.tool_safety.action.v1"],
        "a receipt",
    )
    assert receipts[-1]["token_handling"]["codes"] == ["TOKEN_NONE"]
    assert receipts[-1]["decision"]["reason_codes"] == ["ALLOW_POLICY_MATCH"]


def test_a_quarantined_and_a_revoked_principal(reached: System) -> None:
    mallory = caller(reached, "mallory")
    assert mallory.call("note", {"nonce": "m"}).codes == []
    stop(reached, "quarantines", {"target": "principal:mallory", "reason": "odd"})
    wait_for(
        lambda: mallory.call("note", {"nonce": "m"}).codes == ["DENY_NO_PERMISSION", "INCIDENT_SESSION_QUARANTINED"],
        "the quarantine",
    )
    stop(reached, "revocations/principals", {"subject": "mallory", "issuer": "drawbridge", "reason": "gone"})
    wait_for(
        lambda: mallory.call("note", {"nonce": "m"}).codes == ["DENY_INVALID_TOKEN", "INCIDENT_TOKENS_REVOKED"],
        "the revocation",
    )


def test_a_journal_that_cannot_be_written_lets_nothing_pass(reached: System) -> None:
    ada = caller(reached, "ada")
    ran = (reached.home / "ledger").read_text()
    held = sqlite3.connect(reached.gates["ledger-gate"].data / "journal.sqlite3", isolation_level=None)
    try:
        held.execute("BEGIN IMMEDIATE")
        assert ada.call("note", {"nonce": "unwritten"}).codes == ["DENY_AUDIT_UNAVAILABLE"]
    finally:
        held.close()
    wait_for(lambda: ada.call("note", {"nonce": "again"}).codes == [], "the journal to be written again")
    assert "unwritten" not in (reached.home / "ledger").read_text()[len(ran) :]


def test_news_that_stay_away_stop_every_call(reached: System) -> None:
    stale = caller(reached, "stale", "stale-gate")
    assert stale.call("note", {"nonce": "fresh"}).codes == []
    parts = [reached.part(name) for name in ("publisher", "web")]
    for pid in parts:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: stale.call("note", {"nonce": "s"}).codes == ["DENY_POLICY_STALE"], "the budget to end")
    finally:
        for pid in parts:
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: stale.call("note", {"nonce": "s"}).codes == [], "news again")


def test_a_fault_of_the_gate_s_own_denies_and_leaves_a_receipt(reached: System, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import enforcer.pipeline.decide as stage\n"
        "def broken(*_args):\n    raise LookupError('a fault that a test made')\n"
        "stage.standing = broken\n"
    )
    reached.gates["ledger-gate"].program.stop()
    gate = reached.launch_gate(reached.home / "ledger-gate.toml", PYTHONPATH=str(tmp_path))
    gate.program.line("ready: ")
    answer = caller(reached, "ada").call("note", {"nonce": "faulty"})
    assert answer.codes == ["DENY_INTERNAL_ERROR"]
    assert reached.receipt(answer.receipt_id)["decision"]["reason_codes"] == ["DENY_INTERNAL_ERROR"]
    assert "faulty" not in (reached.home / "ledger").read_text()


def test_every_decision_of_this_file_is_made_again_from_its_receipt(reached: System) -> None:
    receipts = {receipt["receipt_id"]: receipt for receipt in reached.receipts(settle_s=20)}
    done = reached.manage("shell", "-c", REPLAY_ALL, timeout_s=120)
    assert done.code == 0, done
    found = dict(line.split(" ", 1) for line in done.out.splitlines() if line.count(" ") == 1)
    assert found.keys() == receipts.keys()
    outcomes = {name: {id_ for id_, outcome in found.items() if outcome == name} for name in set(found.values())}
    other = [(receipts[id_]["decision"], receipts[id_]["facts"]) for id_ in outcomes.get("other", ())]
    assert other == []
    reasons = {code for id_ in outcomes["same"] for code in receipts[id_]["decision"]["reason_codes"]}
    assert reasons >= {
        *("ALLOW_POLICY_MATCH", "DENY_ARGUMENT_CONSTRAINT", "DENY_RATE_LIMIT", "DENY_POLICY_STALE"),
        *("REQUIRE_APPROVAL", "INCIDENT_SESSION_QUARANTINED"),
    }
    one = min(outcomes["same"])
    told = reached.manage("receipts", "replay", one)
    assert (told.code, told.out.split(":")[0]) == (0, "same"), told
    assert reached.manage("receipts", "replay", "nothing").code == 2


REPLAY_ALL = """
from controlplane.receipts.models import Receipt
from controlplane.receipts.replaying import replayed
for receipt in Receipt.objects.all():
    print(receipt.receipt_id, replayed(receipt).outcome)
"""


def test_no_reason_code_is_without_a_test_through_a_real_gate() -> None:
    texts = ""
    for name in ("conformance", "faults", "system"):
        texts += "".join(file.read_text() for file in sorted((Path(__file__).parents[1] / name).glob("*.py")))
    unreached = {code for code in R if f'"{code}"' not in texts and f"'{code}'" not in texts}
    assert unreached == NOT_IN_THIS_VERSION
