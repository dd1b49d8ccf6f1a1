"""What a receipt keeps is enough to decide again, and the answer is the same."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from enforcer.contract.incident import Incident
from enforcer.contract.receipt import without_nulls
from enforcer.contract.snapshot import Snapshot
from enforcer.policy import recorded
from enforcer.policy.call import Call
from enforcer.policy.credential import at_the_credential
from enforcer.policy.decide import decide
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.recorded import NotRecorded, facts_as_json, facts_from_json
from enforcer.policy.replay import question, replay
from tests.enforcer.policy.random_policies import any_facts, calls, incidents, snapshots
from tests.enforcer.policy.support import NOW, call, facts, grant, incident, index_of, snapshot

thorough = settings(max_examples=400, deadline=None)


def as_decided(found: Facts) -> Facts:
    """As the pipeline gives them to `decide`."""
    return replace(found, lease_age_s=recorded.age(found.lease_age_s), rates=recorded.tokens(found.rates))


def receipt_of(asked: Call, found: Facts, decision: Decision, now: float, **more: Any) -> dict[str, Any]:
    """What matters of it, through JSON as it is stored."""
    made = {
        "enforcer_id": asked.enforcer_id,
        "principal": {"sub": asked.caller.subject, "issuer": asked.caller.issuer},
        "mcp": {"method": "tools/call", "server_id": asked.server_id, "tool_name": asked.tool},
        "decision": {
            "result": decision.result,
            "policy_id": decision.policy_id,
            "snapshot_version": decision.snapshot_version,
            "incident_epoch": decision.incident_epoch,
            "reason_codes": list(decision.reasons),
        },
        "facts": facts_as_json(found, now, asked.caller),
        "incident": {"kill_switch_ids": list(decision.kill_switch_ids)},
        **more,
    }
    read: dict[str, Any] = json.loads(json.dumps(without_nulls(made)))
    return read


@thorough
@given(snapshots(), incidents(), calls(), any_facts(), st.floats(0, 3))
def test_every_decision_is_made_again_from_its_receipt(
    policy: Snapshot, state: Incident | None, asked: Call, found: Facts, later: float
) -> None:
    assume(state is not None)
    assume(found.lease_age_s is None or math.isfinite(found.lease_age_s))
    assume(all(math.isfinite(left) for left in found.rates.values()))
    assert state is not None
    index, now, given_facts = index_of(policy), recorded.moment(NOW + later), as_decided(found)
    decision = at_the_credential(index, decide(index, state, asked, given_facts, now))
    receipt = receipt_of(asked, given_facts, decision, now)
    again = replay(receipt, question(receipt), index, state)
    assert again.verdict == "same"
    assert again.decision == decision


@given(st.floats(0, 1e9), st.floats(0, 1e6), st.floats(0, 2e9))
def test_what_counts_is_never_better_than_what_was_measured(age: float, left: float, wall: float) -> None:
    assert (recorded.age(age) or 0) >= age
    assert recorded.tokens({"b": left})["b"] <= left + 1e-8
    assert recorded.moment(wall) <= wall
    for value in (recorded.age(age) or 0.0, recorded.tokens({"b": left})["b"], recorded.moment(wall)):
        assert recorded.exact(value) == value


def test_a_whole_token_that_refilling_missed_by_rounding_is_one() -> None:
    assert recorded.tokens({"b": 1 - 1e-12}) == {"b": 1.0}


ALLOWED = snapshot(grant())


def decided(policy: Snapshot = ALLOWED, **more: Any) -> dict[str, Any]:
    asked, found = call(), facts()
    return receipt_of(asked, found, decide(index_of(policy), incident(), asked, found, NOW), NOW, **more)


def again(receipt: dict[str, Any], policy: Snapshot = ALLOWED, state: Incident | None = None) -> str:
    return replay(receipt, question(receipt), index_of(policy), state or incident()).verdict


def test_another_policy_gives_another_answer() -> None:
    assert again(decided()) == "same"
    assert again(decided(), snapshot()) == "other"
    assert again(decided(), state=incident("all")) == "other"
    assert again(decided(), snapshot(grant(id="another"))) == "other"


def test_a_receipt_that_somebody_wrote_anew_gives_another_answer() -> None:
    receipt = decided(snapshot())
    receipt["decision"] |= {"result": "allow", "reason_codes": ["ALLOW_POLICY_MATCH"]}
    assert again(receipt, snapshot()) == "other"


def test_a_call_that_was_stopped_in_flight_was_allowed_before() -> None:
    receipt = decided(outcome={"status": "error"})
    receipt["decision"] |= {"result": "deny", "reason_codes": ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]}
    assert again(receipt) == "behind"


def test_what_was_refused_behind_the_decision_is_told_apart() -> None:
    receipt = decided()
    receipt["decision"] |= {"result": "deny", "reason_codes": ["DENY_AUDIT_UNAVAILABLE"]}
    assert again(receipt) == "behind"


def test_a_call_that_had_room_was_not_refused_for_its_rate() -> None:
    receipt = decided()
    receipt["decision"] |= {"result": "deny", "reason_codes": ["DENY_RATE_LIMIT"]}
    assert again(receipt) == "other"
    receipt["mcp"] = {"method": "subscriptions/listen", "server_id": "files"}
    assert again(receipt) == "behind"  # too many open streams


def test_a_stop_on_the_enforcers_host_is_in_no_document_and_replays() -> None:
    asked, found, local = call(), facts(), incident("all")
    stopped = decide(index_of(ALLOWED), local, asked, found, NOW)
    assert again(receipt_of(asked, found, stopped, NOW)) == "same"


@pytest.mark.parametrize(
    "receipt",
    [
        {},
        {"facts": {}},
        {"facts": {"now": "soon"}},
        {"facts": {"now": 1.0, "definition": "odd"}},
        {"facts": {"now": 1.0, "definition": "same", "constraints": []}},
        {"facts": {"now": 1.0, "definition": "same", "constraints": {"g": "maybe"}}},
        {"facts": {"now": 1.0, "definition": "same", "rates": {"g": "many"}}},
        {"facts": {"now": 1.0, "definition": "same", "arguments": "none"}},
        {"facts": {"now": 1.0, "definition": "same", "arguments": {"problem": ["DENY_OF_LATER", "x"]}}},
        {"facts": {"now": 1.0, "definition": "same"}},
    ],
)
def test_what_keeps_no_question_is_said_so(receipt: dict[str, Any]) -> None:
    with pytest.raises(NotRecorded):
        question(receipt)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_reading_facts_back_never_fails_in_another_way(value: Any) -> None:
    for written in ({"now": 1.0, "definition": "same", "arguments": value}, {"now": value}, {"now": 1, "rates": value}):
        try:
            facts_from_json(written)
        except NotRecorded:
            pass
