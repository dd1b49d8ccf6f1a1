"""How far it is, told once a percent, and only to a terminal."""

import io

from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.progress import on_terminal, told


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.lists(st.binary(max_size=9)), st.integers(0, 200))
def test_no_line_is_changed_and_every_percent_is_told_at_most_once(lines: list[bytes], whole: int) -> None:
    heard: list[int] = []
    assert list(told(lines, whole, len, heard.append)) == lines
    assert heard == sorted(set(heard))
    assert all(0 < percent <= 100 for percent in heard)
    if lines and sum(map(len, lines)) >= whole > 0:
        assert heard[-1] == 100


def test_a_terminal_sees_it_and_is_clean_afterwards() -> None:
    out = Terminal()
    list(told([b"x"] * 4, 4, len, on_terminal(out, "verifying")))
    assert "\rverifying  50 %" in out.getvalue()
    assert out.getvalue().endswith("\r")


def test_a_file_sees_nothing() -> None:
    out = io.StringIO()
    list(told([b"x"] * 4, 4, len, on_terminal(out, "verifying")))
    assert out.getvalue() == ""
