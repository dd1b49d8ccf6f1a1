"""Whatever the policy, the state and the call are: the reference agrees, and less is never more."""

import dataclasses
import os
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.contract.incident import Incident, KillSwitch
from enforcer.contract.snapshot import GrantPolicy, Snapshot
from enforcer.policy.call import Call
from enforcer.policy.decide import Standing, decide, standing, visible_tools
from enforcer.policy.decision import Decision, Facts
from tests.enforcer.policy.random_policies import (
    any_facts,
    calls,
    grants,
    incidents,
    snapshots,
    targets,
    with_grants,
)
from tests.enforcer.policy.reference import decide_reference
from tests.enforcer.policy.support import NOW, index_of

CALLS, FACTS = 8, 10  # of each policy
DECISIONS = int(os.environ.get("DECISIONS", "20000"))  # `make nightly` asks for ten million
RANK = {"deny": 0, "require_approval": 1, "allow": 2}
thorough = settings(max_examples=120, deadline=None)


def answer(policy: Snapshot, state: Incident | None, call: Call, facts: Facts) -> Decision:
    return decide(index_of(policy), state, call, facts, NOW)


@settings(max_examples=max(1, DECISIONS // (CALLS * FACTS)), deadline=None)
@given(
    snapshots(),
    incidents(),
    st.lists(calls(), min_size=CALLS, max_size=CALLS),
    st.lists(any_facts(), min_size=FACTS, max_size=FACTS),
)
def test_the_reference_gives_the_same_answer(
    policy: Snapshot, state: Incident | None, some_calls: list[Call], some_facts: list[Facts]
) -> None:
    index = index_of(policy)
    for call in some_calls:
        for facts in some_facts:
            made = decide(index, state, call, facts, NOW)
            expected = decide_reference(policy, state, call, facts, NOW)
            assert (made.result, made.reasons, made.told, made.policy_id) == expected


@thorough
@given(snapshots(), incidents(), calls(), any_facts(), grants(effect="deny", name="z"))
def test_adding_a_deny_never_allows_more(
    policy: Snapshot, state: Incident | None, call: Call, facts: Facts, deny: GrantPolicy
) -> None:
    people = tuple(msgspec.structs.replace(p, grants=(*p.grants, "z")) for p in policy.principals)
    more = msgspec.structs.replace(policy, grants=(*policy.grants, deny), principals=people)
    assert RANK[answer(more, state, call, facts).result] <= RANK[answer(policy, state, call, facts).result]


@thorough
@given(snapshots(), incidents(), calls(), any_facts(), targets)
def test_raising_a_kill_switch_never_allows_more(
    policy: Snapshot, state: Incident | None, call: Call, facts: Facts, target: str
) -> None:
    if state is None:
        return
    more = msgspec.structs.replace(state, kill_switches=(*state.kill_switches, KillSwitch(id="z", target=target)))
    assert RANK[answer(policy, more, call, facts).result] <= RANK[answer(policy, state, call, facts).result]


@thorough
@given(snapshots(), incidents(), calls(), any_facts(), st.randoms())
def test_the_order_of_grants_changes_nothing(
    policy: Snapshot, state: Incident | None, call: Call, facts: Facts, random: Random
) -> None:
    shuffled = [*policy.grants]
    random.shuffle(shuffled)
    people = tuple(msgspec.structs.replace(p, grants=tuple(reversed(p.grants))) for p in policy.principals)
    other = msgspec.structs.replace(policy, grants=tuple(shuffled), principals=people)
    assert answer(other, state, call, facts) == answer(policy, state, call, facts)


@thorough
@given(snapshots(), incidents(), calls(), any_facts(), st.integers(0, 4))
def test_taking_an_allow_away_never_allows_more(
    policy: Snapshot, state: Incident | None, call: Call, facts: Facts, which: int
) -> None:
    allows = [g for g in policy.grants if g.effect == "allow"]
    if not allows:
        return
    gone = allows[which % len(allows)]
    less = with_grants(policy, [g for g in policy.grants if g.id != gone.id])
    assert RANK[answer(less, state, call, facts).result] <= RANK[answer(policy, state, call, facts).result]


@thorough
@given(snapshots(), incidents(), calls(), any_facts())
def test_what_is_listed_is_what_can_be_called(
    policy: Snapshot, state: Incident | None, call: Call, facts: Facts
) -> None:
    index = index_of(policy)
    call = dataclasses.replace(call, server_id=policy.server_id)
    listed = visible_tools(index, state, call.caller, call.enforcer_id, facts.lease_age_s, NOW)
    before = dataclasses.replace(facts, arguments=None, definition="same")
    assert (call.tool in listed) == isinstance(standing(index, state, call, before, NOW), Standing)
    if decide(index, state, call, facts, NOW).result != "deny":
        assert call.tool in listed


@thorough
@given(snapshots(), incidents(), calls(), any_facts())
def test_older_news_never_allows_more(policy: Snapshot, state: Incident | None, call: Call, facts: Facts) -> None:
    if facts.lease_age_s is None or not facts.lease_age_s >= 0:
        return
    older = dataclasses.replace(facts, lease_age_s=facts.lease_age_s + 45)
    assert RANK[answer(policy, state, call, older).result] <= RANK[answer(policy, state, call, facts).result]


@thorough
@given(snapshots(), incidents(), calls(), any_facts())
def test_a_caller_is_told_nothing_that_is_not_a_reason_or_a_plain_no(
    policy: Snapshot, state: Incident | None, call: Call, facts: Facts
) -> None:
    made = answer(policy, state, call, facts)
    assert made.reasons
    assert made.told in (made.reasons, ("DENY_NO_MATCHING_RULE",), ("DENY_TOOL_NOT_FOUND",))
    assert (made.result == "allow") == (made.reasons == ("ALLOW_POLICY_MATCH",))
