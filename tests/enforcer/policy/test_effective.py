"""Effective access says what `decide` does; the difference of two policies is what decisions differ in."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.contract.incident import Incident
from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.snapshot import GrantPolicy, Snapshot
from enforcer.policy import effective
from enforcer.policy.access import visible_tools
from enforcer.policy.call import Call, Caller
from enforcer.policy.decide import decide
from enforcer.policy.decision import Facts
from enforcer.policy.effective import access_to, backward, difference, forward
from enforcer.policy.index import Index, outline
from tests.enforcer.policy.random_policies import grants, incidents, snapshots
from tests.enforcer.policy.support import NOW, examined, grant, incident, index_of, snapshot, tool

IF_A = {"properties": {"a": {"const": 1}}}


def outlined(made: Snapshot) -> Index:
    built = outline(made)
    assert isinstance(built, Index), built
    return built


def alice(made: Snapshot, name: str = "fs_read", state: Incident | None = None) -> effective.Access:
    return access_to(outlined(made), state or incident(), "alice", "idp", name, NOW)


def test_a_granted_tool_is_callable_and_names_its_grants() -> None:
    found = alice(snapshot(grant("g1"), grant("g2", tools=("fs_read",))))
    assert (found.verdict, found.allows, found.constrained, found.limited) == ("callable", ("g1", "g2"), False, False)


def test_a_risk_above_the_grant_or_the_level_needs_an_approval() -> None:
    assert alice(snapshot(grant(max_risk=Risk.LOW))).verdict == "approval"
    assert alice(snapshot(grant(max_risk=Risk.CRITICAL)), "db/drop").verdict == "approval"


@pytest.mark.parametrize(
    ("made", "reason", "by"),
    [
        (snapshot(grant(), grant("d", effect="deny")), ReasonCode.DENY_NO_PERMISSION, "d"),
        (snapshot(grant(tools=("other",))), ReasonCode.DENY_NO_MATCHING_RULE, None),
        (snapshot(grant(), tools=(tool(state="changed"),)), ReasonCode.DENY_TOOL_CHANGED, None),
        (snapshot(grant(), tools=(tool(state="unreviewed"),)), ReasonCode.DENY_TOOL_UNREVIEWED, None),
    ],
)
def test_a_refusal_has_its_code_and_the_grant_that_made_it(made: Snapshot, reason: ReasonCode, by: str | None) -> None:
    found = alice(made)
    assert (found.verdict, found.reason, found.decided_by) == ("refused", reason, by)


def test_a_kill_is_a_refusal() -> None:
    assert alice(snapshot(grant()), state=incident("tool:files/fs_read")).reason == ReasonCode.DENY_KILL_SWITCH


def test_conditions_are_told() -> None:
    found = alice(snapshot(grant(constraint=IF_A, rate="1/minute"), grant("d", effect="deny", constraint=IF_A)))
    assert (found.constrained, found.limited, found.denies) == (True, True, ("d",))


def test_a_grant_whose_rate_can_not_be_read_lifts_nothing() -> None:
    wide = grant("w", max_risk=Risk.CRITICAL, rate="often")
    assert alice(snapshot(grant(max_risk=Risk.LOW), wide)).verdict == "approval"


def test_forward_and_backward_name_what_a_grant_speaks_of() -> None:
    index = outlined(snapshot(grant(tools=("fs_*",)), grant("d", tools=("fs_write",), effect="deny")))
    assert [(a.tool, a.verdict) for a in forward(index, incident(), "alice", "idp", NOW)] == [
        ("fs_read", "callable"), ("fs_write", "refused"),
    ]  # fmt: skip
    assert [a.subject for a in backward(index, incident(), "fs_write", NOW)] == ["alice"]
    assert list(backward(index, incident(), "db/drop", NOW)) == []


def test_a_difference_names_who_can_call_more_and_who_less() -> None:
    old, new = (
        outlined(snapshot(grant(tools=("fs_read",)))),
        outlined(snapshot(grant(tools=("fs_write",), max_risk=Risk.HIGH))),
    )
    made = difference(old, new, incident(), NOW)
    assert [(p.tool, p.before, p.after) for p in made.wider] == [("fs_write", "refused", "callable")]
    assert [(p.tool, p.before, p.after) for p in made.narrower] == [("fs_read", "callable", "refused")]
    assert made.whole
    assert [p.tool for p in difference(None, new, incident(), NOW).wider] == ["fs_write"]
    assert [p.tool for p in difference(new, None, incident(), NOW).narrower] == ["fs_write"]


def test_too_many_pairs_are_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effective, "MOST_PAIRS", 1)
    assert not difference(None, outlined(snapshot(grant())), incident(), NOW).whole


def calls(index: Index) -> list[tuple[str, str, str]]:
    people = {*index.principals, ("nobody", "idp")}
    return [(subject, issuer, name) for subject, issuer in people for name in index.tools]


def decided(made: Snapshot, state: Incident, subject: str, issuer: str, name: str) -> Any:
    facts = Facts(
        0.0, arguments=examined(), constraints={g.id: "pass" if g.effect == "allow" else "fail" for g in made.grants}
    )
    return decide(index_of(made), state, Call("", "files", name, Caller(subject, issuer)), facts, NOW)


@settings(max_examples=150, deadline=None)
@given(snapshots(), incidents())
def test_it_never_says_something_else_than_a_decision(made: Snapshot, state: Incident | None) -> None:
    if state is None or state.server_id != made.server_id or made.server_id != "files":
        return
    index = outlined(made)
    for subject, issuer, name in calls(index):
        said = access_to(index, state, subject, issuer, name, NOW)
        seen = name in visible_tools(index_of(made), state, Caller(subject, issuer), "", 0.0, NOW)
        assert (said.verdict != "refused") == seen
        decision = decided(made, state, subject, issuer, name)
        if said.verdict == "refused":
            assert (decision.result, decision.reasons[0]) == ("deny", said.reason)
        elif decision.result != "deny":  # a rate of nothing denies what is otherwise allowed
            assert (said.verdict == "callable") == (decision.result == "allow")


@settings(max_examples=100, deadline=None)
@given(snapshots(), grants(name="z"), st.booleans())
def test_a_difference_is_exactly_what_decisions_differ_in(made: Snapshot, more: GrantPolicy, whole: bool) -> None:
    people = tuple(msgspec.structs.replace(p, grants=(*p.grants, "z")) for p in made.principals[: None if whole else 1])
    changed = msgspec.structs.replace(
        made, grants=(*made.grants, more), principals=(*people, *made.principals[len(people) :])
    )
    old, new, state = outlined(made), outlined(changed), incident()
    found = difference(old, new, state, NOW)
    pairs = {(p.subject, p.issuer, p.tool): (p.before, p.after) for p in (*found.wider, *found.narrower)}
    for key in calls(new):
        before, after = access_to(old, state, *key, NOW).verdict, access_to(new, state, *key, NOW).verdict
        assert pairs.get(key, (before, before)) == (before, after)
