"""Whatever a policy holds stands in the file as it is and can be read there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.policy.declarative.yaml_lines import Written, read_yaml
from controlplane.policy.declarative.yaml_text import WIDTH, write_yaml
from enforcer.contract.strict_json import JsonObject, JsonValue

ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TRICKY = st.sampled_from(
    ["yes", "No", "1e3", "0x1F", "null", "~", "", " ", "- a", "? a", "a: b", "a #b", "#", "*a", "&a", "!a", "---",
     "...", "2026-01-31", "1:30", "017", ".inf", "=", "<<", "|", ">-", "a\nb", "a\r\nb", " a ", "\t", "\x85",
     "\u2028", "\ufeff", "\u202egrob", "a\u200bb", "\x1b[31m", "😀", "{a}", "[a]", "a,b", "'", '"', "\\", "\\n",
     "%YAML", "@a", "`a"]
)  # fmt: skip
TEXT = TRICKY | st.text(ANY, max_size=20) | st.text("ab -:#,[]{}'\"\\\n\t?*&!|>%@`", max_size=12)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)


def read_back(document: JsonObject) -> JsonValue:
    text = write_yaml(document)
    assert all(line.isprintable() for line in text.split("\n")), text
    written = read_yaml(text.encode())
    assert isinstance(written, Written), (written, text)
    return written.value


def same(one: JsonValue, other: JsonValue) -> bool:
    """As JSON: 1 is not true, and -0.0 is not 0."""
    return json.dumps(one) == json.dumps(other)


@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4))
def test_every_value_reads_back_the_same_and_every_character_can_be_seen(document: JsonObject) -> None:
    assert same(read_back(document), document)


@pytest.mark.parametrize("long", ["x" * 100_000, "word " * 20_000, "\u202e" * 20_000, "a\n" * 50_000, '"\\' * 50_000])
def test_a_very_long_text_reads_back_the_same_as_value_and_as_key(long: str) -> None:
    for document in ({"a": [{"b": {"c": long}}]}, {"a": [{long: 1, "b": {long: [long]}}]}, {long: {long: {"a": long}}}):
        assert same(read_back(document), document)


@pytest.mark.parametrize(("depth", "shape"), [(60, "lists"), (60, "mappings"), (30, "mixed")])
def test_deep_nesting_reads_back_the_same(depth: int, shape: str) -> None:
    value: JsonValue = "x" * WIDTH
    for _ in range(depth):
        value = {"lists": [value], "mappings": {"a": value}, "mixed": [{"b": value, "c": 1}, 2]}[shape]
    assert same(read_back({"a": value}), {"a": value})


def test_an_integer_beyond_what_json_holds_is_written_as_the_number_that_it_was() -> None:
    assert read_back({"a": 10**16}) == {"a": 1e16}


def test_what_is_short_stands_on_one_line_and_what_is_long_below_its_key() -> None:
    grant: JsonObject = {"principal": "ada", "tools": ["fs_read", "fs_list*"], "reason": "reads: every day"}
    schema: JsonObject = {"type": "object", "properties": {name * 10: {"type": "string"} for name in "abcd"}}
    assert write_yaml({"version": 1, "groups": [{"name": "red team"}], "grants": [grant], "tools": [schema]}) == (
        "version: 1\n"
        "groups:\n"
        "  - {name: red team}\n"
        "grants:\n"
        '  - {principal: ada, tools: [fs_read, fs_list*], reason: "reads: every day"}\n'
        "tools:\n"
        "  - type: object\n"
        "    properties:\n"
        "      aaaaaaaaaa: {type: string}\n"
        "      bbbbbbbbbb: {type: string}\n"
        "      cccccccccc: {type: string}\n"
        "      dddddddddd: {type: string}\n"
    )


def test_hostile_text_is_written_as_escapes() -> None:
    assert write_yaml({"a": "\x1b[31m\u202eevil\u200b\ufeff\U000e0041"}) == (
        'a: "\\x1b[31m\\u202eevil\\u200b\\ufeff\\U000e0041"\n'
    )


@pytest.mark.parametrize("word", ["yes", "No", "NULL", "on", "1e3", "017", "2026-01-31", "~", "-", "a: b", "https://x"])
def test_a_text_that_could_be_taken_for_something_else_has_quotes(word: str) -> None:
    assert write_yaml({"a": word}) == f'a: "{word}"\n'
