"""A cursor is good for whom and for what it was made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.mcp.cursors import Cursors
from tests.enforcer.mcp.cases import ADA, EVE

CURSORS = Cursors()


@given(st.text(max_size=500))
def test_a_cursor_comes_back_as_it_was(cursor: str) -> None:
    wrapped = CURSORS.wrap(cursor, ADA, "files", "tools/list")
    assert wrapped is not None
    assert CURSORS.unwrap(wrapped, ADA, "files", "tools/list") == cursor


def test_nobody_else_and_nothing_else_can_use_it() -> None:
    wrapped = CURSORS.wrap("page2", ADA, "files", "tools/list")
    assert wrapped is not None
    assert "page2" not in wrapped
    assert CURSORS.unwrap(wrapped, EVE, "files", "tools/list") is None
    assert CURSORS.unwrap(wrapped, ADA, "mail", "tools/list") is None
    assert CURSORS.unwrap(wrapped, ADA, "files", "prompts/list") is None
    assert Cursors().unwrap(wrapped, ADA, "files", "tools/list") is None


@pytest.mark.parametrize("cursor", ["", "page2", "ü", "AAAA", "=" * 40, "A" * 43])
def test_what_was_not_made_here_is_no_cursor(cursor: str) -> None:
    assert CURSORS.unwrap(cursor, ADA, "files", "tools/list") is None


def test_an_absurdly_long_cursor_is_not_passed_on() -> None:
    assert CURSORS.wrap("x" * 5000, ADA, "files", "tools/list") is None
