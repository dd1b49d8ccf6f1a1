import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.policy.rates import NO_ROOM, Bucket, Rate, has_room, parse_rate, take, tokens_left, wait_s

rates = st.builds(Rate, st.integers(1, 1000), st.sampled_from([1.0, 60.0, 3600.0, 86400.0]))


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/minute", Rate(10, 60.0)),
        ("1/second", Rate(1, 1.0)),
        ("1000000/day", Rate(1_000_000, 86400.0)),
        ("10/minute shared", Rate(10, 60.0, shared=True)),
    ],
)
def test_a_rate_is_read(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


NO_RATES = [
    "",
    "10",
    "0/minute",
    "-1/minute",
    "1.5/minute",
    "10/min",
    "10/minutes",
    "10 /minute",
    "10/minute\n",
    "10/minute  shared",
]


@pytest.mark.parametrize("text", [*NO_RATES, "٣/day", "1000001/day", "01/minute"])
def test_anything_else_is_no_rate(text: str) -> None:
    assert parse_rate(text) is None


@given(st.text())
def test_reading_a_rate_never_raises(text: str) -> None:
    assert parse_rate(text) is None or "/" in text


def test_a_bucket_empties_and_fills_again() -> None:
    rate, bucket, passed = Rate(2, 60.0), None, []
    for now in (0.0, 0.0, 0.0, 29.0, 30.0, 30.0, 90.0, 90.0, 90.0):
        if has_room(tokens_left(rate, bucket, now)):
            bucket = take(rate, bucket, now)
            passed.append(now)
    assert passed == [0.0, 0.0, 30.0, 90.0, 90.0]


@given(rates, st.lists(st.floats(0, 100_000), max_size=60))
def test_no_more_calls_pass_than_the_rate_gives(rate: Rate, times: list[float]) -> None:
    bucket, passed, last = None, 0, 0.0
    for now in sorted(times):
        last = now
        if has_room(tokens_left(rate, bucket, now)):
            bucket = take(rate, bucket, now)
            passed += 1
    assert passed <= rate.count + last * rate.per_second + 1e-6


@given(rates, st.floats(0, 1e6), st.floats(-1e6, 1e6))
def test_a_clock_that_goes_back_gives_nothing(rate: Rate, at: float, now: float) -> None:
    bucket = Bucket(0.0, at)
    left = tokens_left(rate, bucket, now)
    assert 0 <= left <= rate.count
    assert now > at or left == 0
    assert take(rate, bucket, now).at >= at


@given(rates, st.floats(0, 0.99))
def test_after_the_wait_there_is_room(rate: Rate, left: float) -> None:
    wait = wait_s(rate, left)
    assert wait is not None
    assert has_room(tokens_left(rate, Bucket(left, 0.0), wait))


def test_what_never_has_room_has_no_wait() -> None:
    assert wait_s(NO_ROOM, 0.0) is None
    assert not has_room(tokens_left(NO_ROOM, None, 0.0))
    assert not has_room(float("nan"))
