import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.canonical import canonical
from enforcer.contract.strict_json import MAX_INT, JsonValue, StrictJsonError, TooDeepError, parse, parse_object

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INT, MAX_INT)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda f: not (MAX_INT < abs(f) < 1e21))
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"1 2",
        b'{"a":1,"a":2}',
        b'[{"x":{"a":1,"\\u0061":2}}]',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b"[NaN]",
        b"[-Infinity]",
        b"[1e999]",
        b"[9007199254740992]",
        b"[" + b"1" * 5000 + b"]",
        b'["\\ud800"]',
        b'{"\\udfff":1}',
        b'"\\uD83D"',
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(raw: bytes) -> None:
    with pytest.raises(StrictJsonError):
        parse(raw)


@pytest.mark.parametrize("raw", [b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 100_000])
def test_nesting_over_the_limit_is_refused(raw: bytes) -> None:
    with pytest.raises(TooDeepError):
        parse(raw)


def test_brackets_inside_strings_are_not_nesting() -> None:
    assert parse(json.dumps(["[" * 100, '\\"[' * 100]).encode()) == ["[" * 100, '\\"[' * 100]


def test_a_pair_of_surrogate_escapes_is_one_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "😀"


def test_only_an_object_is_an_object() -> None:
    with pytest.raises(StrictJsonError):
        parse_object(b"[]")


@given(VALUES)
def test_what_is_written_canonically_reads_back_equal(value: JsonValue) -> None:
    assert parse(canonical(value), max_depth=10_000) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else_happens(raw: bytes) -> None:
    try:
        parse(raw)
    except StrictJsonError:
        pass
