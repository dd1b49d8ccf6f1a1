"""Problems: logged once, shown for a minute, never without bound."""

import logging

import pytest

from enforcer.link.notes import MAX_SHOWN, Notes
from enforcer.link.verify import Kind, Rejection


def test_the_same_envelope_is_logged_once_and_another_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    notes = Notes()
    for digest in ("a", "a", "b", "a"):
        notes.rejected("files", Rejection(Kind.SNAPSHOT, "no signature of a trusted key", digest))
    assert len(caplog.records) == 2
    assert notes.shown("files") == ("snapshot: no signature of a trusted key",)


def test_a_problem_is_shown_for_a_minute_after_it_was_last_there() -> None:
    now = [0.0]
    notes = Notes(lambda: now[0])
    notes.problem("files", "p")
    now[0] = 50.0
    notes.problem("files", "p")
    now[0] = 109.0
    assert notes.shown("files") == ("p",)
    now[0] = 110.0
    assert notes.shown("files") == ()


def test_a_problem_that_comes_back_later_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    notes = Notes(lambda: now[0])
    for now[0] in (0.0, 59.0, 118.0, 200.0):
        notes.problem("files", "p")
    assert len(caplog.records) == 2


def test_a_server_hears_of_its_own_problems_and_of_everybodys() -> None:
    notes = Notes()
    notes.problem("files", "mine")
    notes.problem("git", "theirs")
    notes.problem(None, "ours")
    assert notes.shown("files") == ("mine", "ours")


def test_a_flood_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    for number in range(5000):
        notes.problem("files", f"{number} " + "x" * 10_000)
    shown = notes.shown("files")
    assert len(shown) == MAX_SHOWN
    assert all(len(text) <= 300 for text in shown)
    assert shown[-1].startswith("4999 ")


def test_a_line_break_cannot_forge_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    Notes().problem("files", "x\n2027-01-01 ERROR forged")
    assert "\n" not in caplog.records[0].getMessage()
