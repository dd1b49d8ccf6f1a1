"""The steps of a decision say where it stopped, and nothing else than the decision does."""

import msgspec
import pytest
from hypothesis import given, settings

from enforcer.contract.incident import Incident
from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.snapshot import Credential, Snapshot
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.call import Call
from enforcer.policy.credential import at_the_credential
from enforcer.policy.decide import decide
from enforcer.policy.decision import Facts
from enforcer.policy.judge import judge
from enforcer.policy.steps import NAMES, STEPS, Step, steps
from tests.enforcer.policy.random_policies import any_facts, calls, incidents, snapshots
from tests.enforcer.policy.support import NOW, call, grant, incident, index_of, snapshot, tool

IF_A: JsonObject = {"properties": {"a": {"const": 1}}, "required": ["a"]}
TYPED: JsonObject = {"type": "object", "properties": {"path": {"type": "string"}, "url": {"type": "string"}}}
EMPTY: JsonObject = {}


def way(
    made: Snapshot, arguments: JsonObject = EMPTY, *, state: Incident | None = None, name: str = "fs_read",
    age: float | None = 0.0, rates: dict[str, float] | None = None,
) -> tuple[Step, ...]:  # fmt: skip
    index, asked = index_of(made), call(name)
    decision, facts = judge(
        index, state or incident(), asked, arguments, before=Facts(age), rates=rates or {}, real=None, now=NOW
    )
    return steps(index, asked, facts, at_the_credential(index, decision), NOW)


def end(found: tuple[Step, ...]) -> Step | None:
    return next((step for step in found if step.outcome in ("stopped", "approval")), None)


def test_an_allowed_call_passes_every_step() -> None:
    found = way(snapshot(grant()))
    assert [(step.name, step.outcome) for step in found] == [(name, "passed") for name in NAMES]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("policy", way(snapshot(grant()), age=None)),
        ("principal", way(snapshot(grant()), state=incident(quarantined=("principal:alice",)))),
        ("kill switch", way(snapshot(grant()), state=incident("tool:files/fs_read"))),
        ("tool", way(snapshot(grant()), name="unknown")),
        ("review", way(snapshot(grant(), tools=(tool(state="changed"),)))),
        ("grants", way(snapshot(grant(), grant("d", effect="deny")))),
        ("grants", way(snapshot(grant(tools=("other",))))),
        ("schema", way(snapshot(grant(), tools=(tool(input_schema=TYPED),)), {"more": 1})),
        ("paths", way(snapshot(grant(), tools=(tool(input_schema=TYPED),)), {"path": "../x"})),
        ("URLs", way(snapshot(grant(), tools=(tool(input_schema=TYPED, url_arguments=("/url",)),)), {"url": "x:y"})),
        ("denies", way(snapshot(grant(), grant("d", effect="deny", constraint=IF_A)), {"a": 1})),
        ("constraint", way(snapshot(grant(constraint=IF_A)), {"a": 2})),
        ("rate", way(snapshot(grant(rate="1/minute")), rates={"g1": 0.0})),
        ("risk", way(snapshot(grant(max_risk=Risk.LOW)))),
    ],
)
def test_each_step_can_be_the_one_that_stops(where: str, found: tuple[Step, ...]) -> None:
    stopped = end(found)
    assert stopped is not None
    assert (stopped.name, stopped.outcome) == (where, "approval" if where == "risk" else "stopped")
    at = NAMES.index(where)
    assert all(step.outcome == "passed" for step in found[:at])
    assert all(step.outcome == "unreached" for step in found[at + 1 :])
    assert stopped.said


def test_a_server_for_which_nobody_chose_a_credential_is_the_last_step() -> None:
    made = snapshot(grant())
    unset = msgspec.structs.replace(made, server=msgspec.structs.replace(made.server, credential=Credential()))
    found = way(unset)
    assert [step.outcome for step in found] == ["passed"] * (len(NAMES) - 1) + ["stopped"]
    assert found[-1].name == "credential"


def test_a_path_is_told_as_it_was_resolved_and_a_deny_by_its_grant() -> None:
    constraint: JsonObject = {"properties": {"path": {"pattern": "^reports/"}}}
    made = snapshot(grant(constraint=constraint), tools=(tool(input_schema=TYPED),))
    found = {step.name: step for step in way(made, {"path": "reports/../payroll.csv"})}
    assert found["paths"].said == "/path is payroll.csv"
    assert (found["constraint"].outcome, found["rate"].outcome) == ("stopped", "unreached")
    denied = end(way(snapshot(grant(), grant("d", effect="deny"))))
    assert denied is not None
    assert "grant d" in denied.said


def test_a_risk_that_the_arguments_raise_can_meet_a_switch() -> None:
    shell: JsonObject = {"type": "object", "properties": {"command": {"type": "string"}}}
    made = snapshot(grant(), tools=(tool(input_schema=shell),))
    stopped = end(way(made, {"command": "rm -rf /"}, state=incident("risk:CRITICAL")))
    assert stopped is not None
    assert stopped.name == "kill switch"


@settings(max_examples=400, deadline=None)
@given(snapshots(), incidents(), calls(), any_facts())
def test_whatever_is_decided_has_a_step(made: Snapshot, state: Incident | None, asked: Call, facts: Facts) -> None:
    index = index_of(made)
    decision = decide(index, state, asked, facts, NOW)
    found = steps(index, asked, facts, decision, NOW)
    assert tuple(step.name for step in found) == NAMES
    how = [step.outcome for step in found]
    ends = [name for name in how if name in ("stopped", "approval")]
    assert ends == {"allow": [], "deny": ["stopped"], "require_approval": ["approval"]}[decision.result]
    if ends:
        at = how.index(ends[0])
        assert set(how[:at]) <= {"passed"}
        assert set(how[at + 1 :]) <= {"unreached"}


def test_every_refusal_of_a_call_belongs_to_one_step() -> None:
    told = [code for _, codes in STEPS for code in codes]
    assert len(told) == len(set(told))
    assert ReasonCode.DENY_NO_PERMISSION not in told  # by the grant that made it
