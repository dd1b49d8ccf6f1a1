import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.trace_context import (
    MAX_TRACESTATE,
    TraceParent,
    new_span_id,
    new_trace_id,
    parse_traceparent,
    parse_tracestate,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def test_a_traceparent_is_read_and_written_back_the_same() -> None:
    found = parse_traceparent(GOOD)
    assert found == TraceParent(TRACE, SPAN, 1)
    assert found is not None
    assert found.text == GOOD


def test_a_later_version_is_read_as_far_as_it_is_known_and_flags_that_are_not_ours_are_dropped() -> None:
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-ff-what-comes-later") == TraceParent(TRACE, SPAN, 3)


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        TRACE,
        GOOD.upper(),
        GOOD + " ",
        GOOD + "\n",
        GOOD + "-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"cc-{TRACE}-{SPAN}-01-" + "x" * 300,
        f"cc-{TRACE}-{SPAN}-01-\x1b[31m",
    ],
)
def test_anything_else_is_no_trace(text: object) -> None:
    assert parse_traceparent(text) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("congo=t61rcWkgMzE", "congo=t61rcWkgMzE"),
        ("a=1,\tb@c=2 , ,d/e=x y", "a=1,b@c=2,d/e=x y"),
        ("", ""),
        ("A=1", ""),
        ("a=1,a=2", ""),
        ("a=1,b", ""),
        ("a=1,b=\x1b[31m", ""),
        ("a=1,b=ünï", ""),
        (["a=1"], ""),
        (",".join(f"k{n}=v" for n in range(32)), ",".join(f"k{n}=v" for n in range(32))),
        (",".join(f"k{n}=v" for n in range(33)), ""),
    ],
)
def test_a_tracestate_is_kept_if_it_is_one(text: object, kept: str) -> None:
    assert parse_tracestate(text) == kept


def test_a_long_tracestate_loses_its_oldest_members_whole() -> None:
    kept = parse_tracestate(",".join(f"k{n}={'v' * 90}" for n in range(10)))
    assert len(kept) <= MAX_TRACESTATE
    assert kept.split(",") == [f"k{n}={'v' * 90}" for n in range(5)]


@given(st.text() | st.from_regex(r"[a-z]{1,3}=[ -~]{0,9}(,[a-z]{1,3}=[ -~]{0,9}){0,40}", fullmatch=True))
def test_what_is_passed_on_as_tracestate_is_bounded_and_stays_as_it_is(text: str) -> None:
    kept = parse_tracestate(text)
    assert len(kept) <= MAX_TRACESTATE
    assert kept.isascii()
    assert kept == "" or kept.isprintable()
    assert parse_tracestate(kept) == kept


def test_a_new_place_in_a_trace_would_be_accepted_by_others() -> None:
    made = TraceParent(new_trace_id(), new_span_id())
    assert parse_traceparent(made.text) == made


def test_a_strangers_text_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    parse_traceparent("00-canary")
    parse_tracestate("canary")
    assert not caplog.records
