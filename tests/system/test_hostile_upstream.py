"""Whatever a server answers: the caller gets the contract's words in time, the call has one receipt, others go on."""

import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.caller import Caller
from tests.support.ledger import INPUT_SCHEMAS
from tests.support.processes import Program, free_port
from tests.support.system import ROOT, System

UNAVAILABLE, INVALID, TIMEOUT = "upstream_unavailable", "upstream_invalid", "upstream_timeout"
WAYS = {
    "closes": UNAVAILABLE,
    "bad-chunk": INVALID,
    "no-http": INVALID,
    "short": UNAVAILABLE,
    "huge-header": INVALID,
    "wrong-id": INVALID,
    "batch": INVALID,
    "deep": INVALID,
    "surrogate": INVALID,
    "no-content": INVALID,
    "upgrade": INVALID,
    "redirect": INVALID,
    "compressed": INVALID,
    "endless-questions": TIMEOUT,
    "hangs": TIMEOUT,
    "error": "upstream_error",
}
POLICY = {
    "servers": [
        {"id": "hostile", "trust_level": "internal", "credential": {"mode": "none"}, "limits": {"timeout_s": 1}}
    ],
    "tools": [
        {
            "server": "hostile",
            "name": name,
            "risk": "LOW",
            "input_schema": schema,
            "path_arguments": [],
            "url_arguments": [],
        }
        for name, schema in INPUT_SCHEMAS.items()
    ],
    "grants": [{"principal": "ada", "server": "hostile", "tools": ["*"], "reason": "tests"}],
}


@pytest.fixture(scope="module")
def caller(system: System) -> Iterator[Caller]:
    """In front of a hostile server."""
    system.apply(POLICY)
    port = free_port()
    hostile = Program(
        [sys.executable, "-m", "tests.system.hostile_server", str(port)],
        log=system.home / "hostile.log",
        env=system.env,
        cwd=ROOT,
    )
    try:
        hostile.line("serving")
        gate = system.open_gate(system.enroll("hostile-gate", "hostile", upstream=f"http://127.0.0.1:{port}/mcp"))
        yield system.caller("hostile-gate", system.token("ada"))
        gate.program.stop()
    finally:
        hostile.stop()


def test_every_way_of_answering_badly_has_its_word_and_one_receipt(system: System, caller: Caller) -> None:
    told = {}
    for way, reason in WAYS.items():
        answer = caller.call("note", {"nonce": way})
        assert answer.status == 200
        assert (way, answer.error["data"]["reason"]) == (way, reason)
        assert "canary" not in str(answer.body)
        told[answer.receipt_id] = reason
        assert caller.call("note", {"nonce": "right"}).result["content"] == [{"type": "text", "text": "hi"}]
    receipts = [r for r in system.receipts("--enforcer", "hostile-gate") if r["mcp"].get("method") == "tools/call"]
    assert Counter(r["receipt_id"] for r in receipts).most_common(1)[0][1] == 1
    outcomes = {r["receipt_id"]: (r["decision"]["result"], r["outcome"].get("detail")) for r in receipts}
    assert {each: outcomes[each] for each in told} == {each: ("allow", reason) for each, reason in told.items()}


def test_a_second_response_is_nobodys(caller: Caller) -> None:
    for _ in range(3):
        first, following = caller.call("note", {"nonce": "twice"}), caller.call("note", {"nonce": "right"})
        assert first.result == following.result
        assert "canary" not in str((first.body, following.body))
