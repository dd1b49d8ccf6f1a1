import pytest

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.pointers import text_of
from enforcer.policy.schemas.dialect import translate
from enforcer.policy.schemas.fields import Fields, asked_but_unknown

LIST: JsonObject = {"prefixItems": [{"properties": {"a": {}}}], "items": {"properties": {"b": {}}}}


def unknown(schema: JsonObject, value: JsonValue) -> list[str]:
    return [text_of(place) for place in Fields(translate(schema, strict=False)).unknown_in(value)]


@pytest.mark.parametrize(
    ("schema", "value", "places"),
    [
        ({}, {"a": 1}, ["/a"]),
        ({"properties": {"a": {}}}, {"a": {"x": 1}, "b": {"x": 1}}, ["/b"]),
        ({"properties": {"l": LIST}}, {"l": [{"a": 1}, {"b": 1}, {"a": 1}]}, ["/l/2/a"]),
        (
            {"anyOf": [{"properties": {"a": {"type": "object"}}}, {"properties": {"b": {}}}]},
            {"a": {"x": 1}, "b": 1},
            ["/a/x"],
        ),
        ({"patternProperties": {"^x": {}}, "properties": {"a": {}}}, {"xa": 1, "a": 1, "ax": 1}, ["/ax"]),
        ({"additionalProperties": {"type": "object"}}, {"any": {"x": 1}}, ["/any/x"]),
        ({"not": {"properties": {"a": {}}}}, {"a": 1}, ["/a"]),
        ({"if": {"properties": {"a": {}}}, "then": {"properties": {"b": {}}}}, {"a": 1, "b": 1, "c": 1}, ["/c"]),
    ],
)
def test_a_field_is_unknown_where_no_part_of_the_schema_names_it(schema, value, places):
    assert unknown(schema, value) == places


def test_what_a_recursive_constraint_asks_of_a_recursive_schema_is_found_and_ends():
    schema = translate({"properties": {"next": {"$ref": "#"}, "v": {}}}, strict=False)
    asks = translate({"properties": {"next": {"$ref": "#"}, "w": {}}}, strict=False)
    assert {text_of(place) for place in asked_but_unknown(asks, schema)} >= {"/w"}
    assert list(asked_but_unknown(schema, schema)) == []
