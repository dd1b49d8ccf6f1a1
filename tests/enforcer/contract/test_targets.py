import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.targets import Target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("all", Target("all")),
        ("server:files", Target("server", "files")),
        ("tool:files/a/b*", Target("tool", "a/b*", "files")),
        ("risk:HIGH", Target("risk", "HIGH")),
        ("trust:community", Target("trust", "community")),
        ("principal:alice:x@example", Target("principal", "alice:x@example")),
        ("group:finance", Target("group", "finance")),
        ("session:abc", Target("session", "abc")),
        ("credential:files", Target("credential", "files")),
        ("enforcer:probe", Target("enforcer", "probe")),
    ],
)
def test_every_kind_of_target_is_understood(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ALL",
        "all:",
        "all:x",
        "server:",
        "server:A B",
        "tool:files",
        "tool:files/",
        "tool:/x",
        "risk:low",
        "trust:me",
        "planet:earth",
        "group:",
    ],
)
def test_anything_else_is_answered_with_what_would_be_right(text: str) -> None:
    answer = parse_target(text)
    assert isinstance(answer, str)
    assert "write" in answer


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert isinstance(parse_target(text), Target | str)
