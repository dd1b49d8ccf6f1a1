import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.policy.schemas.node import Flat, Node, UnfitError
from enforcer.policy.schemas.references import survey

GRAPHS = st.dictionaries(st.sampled_from("abcde"), st.sets(st.sampled_from("abcde"), max_size=3), min_size=5)


def flat(graph: dict[str, set[str]], keyword: str) -> Flat:
    """Each definition refers to others under a property, or in place by allOf."""
    return Flat(Node(""), {name: node(targets, keyword) for name, targets in graph.items()})


def node(targets: set[str], keyword: str) -> Node:
    members = tuple(Node("", ref=target) for target in sorted(targets))
    if keyword == "properties":
        return Node("", maps={"properties": {str(n): member for n, member in enumerate(members)}})
    return Node("", lists={"allOf": members})


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    pending = list(graph[start])
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += graph[name]
    return found


@settings(deadline=None)
@given(GRAPHS)
def test_those_that_lead_back_to_themselves_are_recursive_and_grouped_by_cycle(graph):
    references = survey(flat(graph, "properties"))
    assert references.recursive == {name for name in graph if name in reachable(graph, name)}
    for one in references.recursive:
        for other in graph:
            together = other in reachable(graph, one) and one in reachable(graph, other)
            assert references.same_cycle(one, other) is together


@settings(deadline=None)
@given(GRAPHS)
def test_a_reference_to_itself_in_place_is_refused_and_no_other(graph):
    endless = any(name in reachable(graph, name) for name in graph)
    if endless:
        with pytest.raises(UnfitError):
            survey(flat(graph, "allOf"))
    else:
        assert survey(flat(graph, "allOf")).recursive == frozenset()
