import io
import re

import pytest

from controlplane.embedded.demo.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LINE = "ada calls git_show: DENY_KILL_SWITCH, see http://127.0.0.1:1/"


def test_a_pipe_gets_plain_text() -> None:
    out = io.StringIO()
    Console(out).say(LINE)
    assert re.fullmatch(r" +\d\.\d s  " + re.escape(LINE) + "\n", out.getvalue())


def test_a_terminal_gets_colours_and_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    Console(out).say(LINE)
    assert "\x1b[31mDENY_KILL_SWITCH\x1b[0m" in out.getvalue()
    assert re.sub(r"\x1b\[\d*m", "", out.getvalue()).endswith(f"  {LINE}\n")


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", ""), ("TERM", "dumb")])
def test_whoever_wants_no_colours_gets_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    out = Terminal()
    Console(out).say(LINE)
    assert "\x1b" not in out.getvalue()
