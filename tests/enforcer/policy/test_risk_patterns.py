from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.contract.levels import Risk
from enforcer.policy.index import IndexProblem, build_index
from enforcer.policy.preflight import argument_facts
from enforcer.policy.risk_patterns import RiskPattern, problem_of
from enforcer.policy.risk_proposal import propose
from tests.enforcer.policy.support import call, grant, index_of, snapshot
from tests.enforcer.policy.test_risk_proposal import anything

OURS = RiskPattern("kubectl (delete|drain)", Risk.CRITICAL, "arguments")


def risk_of(arguments: Any, *patterns: str) -> Risk | None:
    index = index_of(snapshot(grant(), critical_patterns=patterns))
    return argument_facts(index, call(), arguments, None)[0].risk


def test_a_pattern_of_the_security_team_makes_a_call_critical_at_any_depth() -> None:
    assert risk_of({"x": "kubectl delete ns prod"}) is None
    assert risk_of({"x": "kubectl delete ns prod"}, OURS.pattern) is Risk.CRITICAL
    assert risk_of({"x": [{"y": ["kubectl", "drain", "node"]}]}, OURS.pattern) is Risk.CRITICAL
    assert risk_of({"x": "kubectl get ns"}, OURS.pattern) is None
    assert risk_of({"x": "rm -rf /"}, OURS.pattern) is Risk.CRITICAL


@pytest.mark.parametrize("pattern", ["(?=a)", "(a)\\1", "a*", "", "x" * 501, "(a{1,900}){1,900}"])
def test_a_pattern_that_cannot_be_used_is_told_and_refuses_a_snapshot(pattern: str) -> None:
    assert problem_of(pattern)
    assert isinstance(build_index(snapshot(grant(), critical_patterns=(pattern,))), IndexProblem)


def test_a_pattern_speaks_in_its_place_alone() -> None:
    for where in ("name", "description", "arguments"):
        patterns = [RiskPattern("frob", Risk.CRITICAL, where)]
        found = {
            "name": propose({"name": "read_frob"}, patterns).risk,
            "description": propose({"name": "read", "description": "Can frob."}, patterns).risk,
            "arguments": propose({"name": "read", "inputSchema": {"enum": ["frob"]}}, patterns).risk,
        }
        assert [place for place, risk in found.items() if risk is Risk.CRITICAL] == [where]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["name", "title", "description", "inputSchema"]), anything),
    st.builds(
        RiskPattern,
        st.sampled_from(["a", "^r", "1", "e.d"]),
        st.sampled_from([Risk.MEDIUM, Risk.HIGH, Risk.CRITICAL]),
        st.sampled_from(["name", "description", "arguments"]),
    ),
)
def test_adding_a_pattern_never_lowers_a_proposal(said: Any, pattern: RiskPattern) -> None:
    assert propose(said, [pattern]).risk.rank >= propose(said).risk.rank
