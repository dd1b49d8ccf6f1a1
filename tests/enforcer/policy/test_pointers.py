import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.policy.pointers import PointerProblem, parse, places, replace_at, select, text_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~*", max_size=3), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "pointer", "found"),
    [
        ({"path": "a"}, "/path", [("/path", "a")]),
        ({"path": "a"}, "/other", []),
        (
            {"files": [{"name": "a"}, {"name": "b"}, {}]},
            "/files/*/name",
            [("/files/0/name", "a"), ("/files/1/name", "b")],
        ),
        ({"files": "a"}, "/files/*", [("/files", "a")]),
        ({"files": 7}, "/files/*", [("/files", 7)]),
        ({"files": None}, "/files/*", []),
        ({"by": {"x": "a", "y": "b"}}, "/by/*", [("/by/x", "a"), ("/by/y", "b")]),
        ({"a/b": {"~": 1}}, "/a~1b/~0", [("/a~1b/~0", 1)]),
        (["a", "b"], "/1", [("/1", "b")]),
        (["a"], "/01000000000", []),
        ({"t": {"p": "1", "t": {"p": "2"}}}, "/**/p", [("/t/p", "1"), ("/t/t/p", "2")]),
        ({"t": "text"}, "/**/p", []),
        ("whole", "", [("", "whole")]),
    ],
)
def test_a_pointer_selects_what_it_says(value, pointer, found):
    assert select(value, pointer) == found


@pytest.mark.parametrize("text", ["path", "/a~", "/a~2", " /a"])
def test_what_is_no_pointer_is_a_problem_and_selects_nothing(text):
    assert isinstance(parse(text), PointerProblem)
    assert select({"path": "a"}, text) == []


@settings(deadline=None)
@given(st.lists(st.text("ab/~*", max_size=3), max_size=4))
def test_a_written_pointer_parses_back_to_its_steps(steps):
    assert parse(text_of(tuple(steps))) == tuple(steps)


@settings(deadline=None)
@given(VALUES)
def test_replacing_one_place_changes_that_place_alone(value):
    everything = dict(places(value, "/**/*"))
    for place in everything:
        after = dict(places(replace_at(value, place, "NEW"), "/**/*"))
        assert after[place] == "NEW"
        apart = [at for at in everything if at[: len(place)] != place and place[: len(at)] != at]
        assert [after[at] for at in apart] == [everything[at] for at in apart]


def test_replacing_leaves_the_original_as_it_was():
    sent = {"files": [{"name": "a"}]}
    assert replace_at(sent, ("files", 0, "name"), "b") == {"files": [{"name": "b"}]}
    assert sent == {"files": [{"name": "a"}]}
