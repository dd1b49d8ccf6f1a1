"""The header form of values that HTTP would not carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.mcp.headers import decode_value, encode_value
from enforcer.mcp.requests import TWICE


@given(st.text())
def test_a_value_survives_the_way(value: str) -> None:
    encoded = encode_value(value)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert encoded == encoded.strip()
    assert decode_value(encoded) == value


@given(st.text())
def test_what_can_be_read_has_one_spelling_or_is_plain(value: str) -> None:
    decoded = decode_value(value)
    assert decoded is None or decoded == value or encode_value(decoded) == value or value.startswith("=?base64?")


@pytest.mark.parametrize("plain", ["echo", "a b", "", "=?base64?no end", "x=?base64?eA==?=", "=?BASE64?eA==?="])
def test_plain_text_stays_plain(plain: str) -> None:
    assert decode_value(plain) == encode_value(plain) == plain


@pytest.mark.parametrize(
    "value",
    [
        None,
        TWICE,
        "=?base64?eA?=",  # no padding
        "=?base64?eB==?=",  # bits that no encoder sets
        "=?base64?e A==?=",
        "=?base64?/w==?=",  # not UTF-8
        "=?base64?ü?=",
        "tab\there",
        "n\xfcl",
        "line\r\nbreak",
    ],
)
def test_what_nobody_could_have_written_is_no_value(value: str | None) -> None:
    assert decode_value(value) is None
