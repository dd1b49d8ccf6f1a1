"""Schemas that would stall, fetch or grow never get into a snapshot; the one that stalls others is quick here."""

import json
from typing import Any

import pytest

from enforcer.contract.snapshot import Snapshot
from enforcer.policy.index import IndexProblem, build_index
from tests.enforcer.policy.support import snapshot, tool
from tests.support.system import System

SLOW = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
CHAIN: dict[str, Any] = {
    "$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(10_000)} | {"d10000": {"type": "object"}},
    "$ref": "#/$defs/d0",
}
NEVER = {
    "a remote reference": {"type": "object", "properties": {"a": {"$ref": "https://evil.example/schema.json"}}},
    "ten thousand references": CHAIN,
    "a pattern for a backtracking engine": {"type": "object", "properties": {"a": {"pattern": "^(?=a)a+$"}}},
    "a reference to itself": {"$ref": "#"},
}


def said(schema: dict[str, Any]) -> str:
    tools = [{"server": "ledger", "name": "hostile", "risk": "LOW", "input_schema": schema}]
    return json.dumps({"version": 1, "tools": tools})


@pytest.mark.parametrize("why", NEVER)
def test_a_schema_that_could_stall_or_fetch_is_refused_at_save_and_by_the_loader(system: System, why: str) -> None:
    before = system.manage("export").out
    done = system.manage("apply", "-", stdin=said(NEVER[why]))
    assert (done.code, done.out) == (2, ""), done
    assert done.err.startswith("-:1: tools[0].input_schema"), done.err
    assert system.manage("export").out == before
    made: Snapshot = snapshot(tools=(tool("hostile", input_schema=NEVER[why]),))
    assert isinstance(build_index(made), IndexProblem)


def test_a_pattern_that_stalls_others_is_taken_and_refuses_at_once(system: System) -> None:
    done = system.manage("apply", "-", "--wait", "20", stdin=said(SLOW))
    assert done.code == 0, done
    grant = {"principal": "ada", "server": "ledger", "tools": ["hostile"], "reason": "t"}
    system.apply({"grants": [grant]})
    ada = system.caller("gate", system.token("ada"))
    answer = ada.call("hostile", {"a": "a" * 40 + "!"})
    assert answer.codes == ["DENY_INVALID_ARGUMENTS"]
    receipt = system.receipt(answer.receipt_id)
    assert receipt["decision"]["detail"].startswith("/a: ")
    assert ada.call("hostile", {"a": "a" * 5_000 + "!"}).codes == ["DENY_INVALID_ARGUMENTS"]
