from typing import Any

import pytest

from enforcer.contract.levels import Risk
from enforcer.policy.decide import argument_facts, buckets_of, charged, decide
from enforcer.policy.decision import Decision
from enforcer.policy.index import Index
from enforcer.policy.rates import Rate
from enforcer.policy.schema import MAX_TEXT
from tests.enforcer.policy.support import NOW, call, facts, grant, incident, index_of, short, snapshot, tool

READ = tool(
    input_schema={"type": "object", "properties": {"path": {"type": "string"}, "note": {"type": "string"}}},
    path_arguments=("/path",),
)
REPORTS = {"required": ["path"], "properties": {"path": {"pattern": "^reports/"}}}
SECRETS = {"required": ["path"], "properties": {"path": {"pattern": "^secrets/"}}}


def policy(*grants: Any) -> Index:
    return index_of(snapshot(*grants, tools=(READ,)))


def decided(index: Index, arguments: dict[str, Any]) -> Decision:
    found, constraints = argument_facts(index, call(), arguments, None)
    return decide(index, incident(), call(), facts(arguments=found, constraints=constraints), NOW)


ONLY_REPORTS = policy(grant(constraint=REPORTS))
NO_SECRETS = policy(grant("a"), grant("b", effect="deny", constraint=SECRETS))
ANSWERS = [
    (ONLY_REPORTS, {"path": "reports/may"}, "ALLOW_POLICY_MATCH"),
    (ONLY_REPORTS, {"path": "/srv/files/reports/may"}, "ALLOW_POLICY_MATCH"),
    (ONLY_REPORTS, {"path": "reports/../secrets/key"}, "DENY_ARGUMENT_CONSTRAINT"),
    (ONLY_REPORTS, {"path": "x/../reports/may"}, "ALLOW_POLICY_MATCH"),
    (ONLY_REPORTS, {}, "DENY_ARGUMENT_CONSTRAINT"),
    (ONLY_REPORTS, {"path": "../x"}, "DENY_PATH_TRAVERSAL"),
    (ONLY_REPORTS, {"path": "reports/may", "more": 1}, "DENY_UNKNOWN_FIELDS"),
    (ONLY_REPORTS, {"path": 7}, "DENY_INVALID_ARGUMENTS"),
    (NO_SECRETS, {"path": "reports/may"}, "ALLOW_POLICY_MATCH"),
    (NO_SECRETS, {"path": "secrets/key"}, "DENY_NO_PERMISSION"),
    (NO_SECRETS, {"path": "reports/../secrets/key"}, "DENY_NO_PERMISSION"),
    (NO_SECRETS, {"path": "secrets/../reports/may"}, "DENY_NO_PERMISSION"),
]


@pytest.mark.parametrize(
    ("index", "arguments", "answer"), ANSWERS, ids=lambda v: str(v)[:40] if isinstance(v, dict) else ""
)
def test_constraints_hold_for_what_the_arguments_mean(index: Index, arguments: dict[str, Any], answer: str) -> None:
    assert short(decided(index, arguments)) == answer


def test_a_constraint_that_can_not_be_compiled_denies_either_way() -> None:
    broken = {"properties": {"path": {"pattern": "(?=x)"}}}
    allow, deny = policy(grant(constraint=broken)), policy(grant("a"), grant("b", effect="deny", constraint=broken))
    assert short(decided(allow, {"path": "x"})) == "DENY_ARGUMENT_CONSTRAINT"
    assert short(decided(deny, {"path": "x"})) == "DENY_NO_PERMISSION"


def test_a_deny_applies_to_what_is_too_much_to_be_judged() -> None:
    heavy = {"properties": {"note": {"pattern": "^(a|b|ab){1,400}c$"}}, "required": ["note"]}
    index = policy(grant("a"), grant("b", effect="deny", constraint=heavy))
    assert index.grants_of("alice", "idp")[1].problem is None
    assert short(decided(index, {"note": "x" * (MAX_TEXT + 1)})) == "DENY_NO_PERMISSION"


def test_only_grants_that_speak_of_the_tool_are_asked() -> None:
    index = policy(
        grant("a", constraint=REPORTS),
        grant("b", tools=("other",), constraint=REPORTS),
        grant("c", risk=Risk.LOW, constraint={}),
    )
    assert argument_facts(index, call(), {"path": "reports/x"}, None)[1] == {"a": "pass"}


def test_a_call_takes_from_the_server_and_from_the_grant_that_decided() -> None:
    index = index_of(
        snapshot(grant("a", rate="1/minute"), grant("b", max_risk=Risk.LOW, rate="2/minute"), rate="9/hour")
    )
    assert buckets_of(index, call()) == {"a": Rate(1, 60.0), "b": Rate(2, 60.0), "server": Rate(9, 3600.0)}
    assert charged(index, decide(index, incident(), call(), facts(), NOW)) == ("server", "a")
    assert charged(index, decide(index, incident(), call("nope"), facts(), NOW)) == ()
    plain = index_of(snapshot(grant("a")))
    assert buckets_of(plain, call()) == {}
    assert charged(plain, decide(plain, incident(), call(), facts(), NOW)) == ("a",)
