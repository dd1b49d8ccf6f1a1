import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.redaction import HIDDEN
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.pipeline.redact import redacted

SECRET = "canary-7f3a"
SAFE: JsonObject = {"x-drawbridge-safe": True}


def test_keys_and_types_are_shown_and_values_are_not() -> None:
    assert redacted({"path": "/etc", "n": 1, "f": 1.5, "b": True, "z": None, "l": [1, 2], "o": {"p": "x"}}) == {
        "path": "string",
        "n": "integer",
        "f": "number",
        "b": "boolean",
        "z": "null",
        "l": "array of 2",
        "o": {"p": "string"},
    }


def test_wide_objects_are_counted() -> None:
    assert redacted({str(n): n for n in range(200)})["…"] == "72 more"


def test_keys_take_a_bounded_part_of_a_receipt() -> None:
    shown = json.dumps(redacted({"\x01" * 200 + str(n): n for n in range(200)}))
    assert len(shown) < 32_000
    assert "more" in shown


@given(
    st.recursive(
        st.just(SECRET) | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    )
)
def test_no_value_ever_shows(value: object) -> None:
    assert SECRET not in json.dumps(redacted({"x": value}))  # type: ignore[dict-item]


def of(**fields: JsonValue) -> JsonObject:
    """A schema with these fields."""
    return {"type": "object", "properties": fields}


def test_a_value_shows_where_the_schema_marks_its_field_safe() -> None:
    schema = of(branch=SAFE, n=SAFE, on=SAFE, deep=of(mode=SAFE))
    shown = redacted({"branch": "main", "n": 3, "on": True, "deep": {"mode": "w", "x": "y"}, "other": "z"}, schema)
    assert shown == {
        "branch": "string: main",
        "n": "integer: 3",
        "on": "boolean: true",
        "deep": {"mode": "string: w", "x": "string"},
        "other": "string",
    }


@pytest.mark.parametrize(
    "schema",
    [
        of(x={"x-drawbridge-safe": "true"}),
        of(x={"x-drawbridge-safe": 1}),
        of(x={"anyOf": [SAFE]}),
        of(y=SAFE),
        {"allOf": [of(x=SAFE)]},
        {"$ref": "#/$defs/x", "$defs": {"x": of(x=SAFE)}},
        {"properties": [SAFE]},
        SAFE,
        {},
    ],
)
def test_a_mark_elsewhere_or_of_another_kind_counts_for_nothing(schema: JsonObject) -> None:
    assert redacted({"x": SECRET}, schema) == {"x": "string"}


def test_the_mark_of_a_list_or_an_object_shows_nothing_of_what_is_in_it() -> None:
    assert redacted({"l": [SECRET], "o": {"p": SECRET}}, of(l=SAFE, o=SAFE)) == {
        "l": "array of 1",
        "o": {"p": "string"},
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "a plain word"),
        ("api_key", "a plain word"),
        ("q", "sk-abcdefghijklmnop"),
        ("q", "https://user:word@example.org/"),
        ("q", "Bearer abcdefghijk"),
        ("q", "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_also_where_it_is_marked_safe(name: str, value: str) -> None:
    assert redacted({name: value}, of(**{name: SAFE})) == {name: f"string: {HIDDEN}"}


def test_a_pattern_of_the_file_hides_values_names_and_both_together() -> None:
    patterns = (r"^\d{4}-\d{4}$", r"^iban=", "^case-")
    schema = of(card=SAFE, iban=SAFE, other=SAFE)
    shown = redacted({"card": "1234-5678", "iban": "DE00", "other": "plain", "case-7": 1}, schema, patterns)
    assert shown == {
        "card": f"string: {HIDDEN}",
        "iban": f"string: {HIDDEN}",
        "other": "string: plain",
        HIDDEN: "integer",
    }


def test_a_name_that_looks_like_a_secret_is_hidden() -> None:
    assert redacted({"hvs.abcdefghijklmnop": 1}) == {HIDDEN: "integer"}


def test_long_values_are_cut_and_all_of_them_take_a_bounded_part_of_a_receipt() -> None:
    many: JsonObject = {f"k{n}": "\x01" * 5000 for n in range(100)}
    shown = redacted(many, of(**dict.fromkeys(many, SAFE)))
    assert "5000 characters" in str(shown["k0"])
    assert len(json.dumps(shown)) < 40_000
