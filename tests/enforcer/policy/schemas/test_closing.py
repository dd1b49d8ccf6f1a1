import pytest

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.schema import CompiledSchema, compile_arguments

TEXT: JsonObject = {"type": "string"}
NODE: JsonObject = {
    "type": "object",
    "properties": {"v": {}, "next": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}},
}
BASE: JsonObject = {"type": "object", "properties": {"id": TEXT}, "required": ["id"]}
CAT: JsonObject = {"properties": {"kind": {"const": "cat"}, "meows": {}}, "required": ["kind"]}
DOG: JsonObject = {"properties": {"kind": {"const": "dog"}, "barks": {}}, "required": ["kind"]}


def fits(schema: JsonObject, arguments: JsonValue) -> bool:
    compiled = compile_arguments(schema)
    assert isinstance(compiled, CompiledSchema), compiled
    return compiled.check(arguments) == ()


def under(schema: JsonValue) -> JsonObject:
    """A tool with one argument."""
    return {"type": "object", "properties": {"o": schema}, "$defs": {"n": NODE, "base": BASE, "any": {}, "cat": CAT}}


@pytest.mark.parametrize(
    ("schema", "known", "unknown"),
    [
        ({"properties": {"a": TEXT}}, {"a": "x"}, {"b": "x"}),
        ({"type": ["object", "null"], "properties": {"a": TEXT}}, {"a": "x"}, {"b": "x"}),
        ({"type": "object"}, {}, {"a": 1}),
        ({"type": ["object", "string"]}, "text", {"a": 1}),
        ({"required": ["a"]}, [], {"a": 1}),
        ({"type": "object", "properties": {}}, {}, {"a": 1}),
        ({"patternProperties": {"^x-": TEXT}}, {"x-a": "1"}, {"a": "1"}),
        ({"additionalProperties": False, "properties": {"a": {}}}, {"a": 1}, {"b": 1}),
        ({"type": "array", "items": {"properties": {"a": {}}}}, [{"a": 1}], [{"a": 1}, {"b": 1}]),
        (
            {"prefixItems": [{"properties": {"a": {}}}], "items": {"type": "object"}},
            [{"a": 1}, {}],
            [{"a": 1}, {"a": 1}],
        ),
        ({"additionalProperties": {"properties": {"a": {}}}}, {"any": {"a": 1}}, {"any": {"b": 1}}),
        ({"$ref": "#/$defs/base"}, {"id": "1"}, {"id": "1", "x": 1}),
        ({"$ref": "#/$defs/base", "properties": {"x": {}}}, {"id": "1", "x": 1}, {"id": "1", "y": 1}),
        ({"allOf": [{"$ref": "#/$defs/base"}]}, {"id": "1"}, {"id": "1", "x": 1}),
        ({"allOf": [{"$ref": "#/$defs/base"}, {"properties": {"x": {}}}]}, {"id": "1", "x": 1}, {"id": "1", "y": 1}),
        ({"properties": {"a": {}}, "anyOf": [{"required": ["a"]}, {"minProperties": 9}]}, {"a": 1}, {"a": 1, "c": 1}),
        ({"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 1}, {"a": 1, "c": 1}),
        ({"anyOf": [CAT, DOG]}, {"kind": "cat", "meows": 1}, {"kind": "cat", "barks": 1}),
        ({"oneOf": [CAT, DOG]}, {"kind": "dog", "barks": 1}, {"kind": "dog", "meows": 1}),
        ({"oneOf": [CAT, DOG], "properties": {"name": {}}}, {"kind": "dog", "name": 1}, {"kind": "dog", "meows": 1}),
        ({"anyOf": [{"$ref": "#/$defs/base"}, {"type": "null"}]}, {"id": "1"}, {"id": "1", "x": 1}),
        ({"anyOf": [{"type": "string"}, {"type": "array", "items": BASE}]}, [{"id": "1"}], [{"id": "1", "x": 1}]),
        ({"$ref": "#/$defs/n"}, {"next": {"next": {"v": {"x": 1}}}}, {"next": {"next": {"x": 1}}}),
        (
            {
                "if": {"properties": {"a": {"const": 1}}},
                "then": {"properties": {"b": {}}},
                "else": {"properties": {"c": {}}},
            },
            {"a": 1, "b": 1},
            {"a": 1, "c": 1},
        ),
        ({"properties": {"a": {}}, "dependentSchemas": {"a": {"properties": {"b": {}}}}}, {"a": 1, "b": 1}, {"b": 1}),
        ({"not": {"properties": {"x": {"const": 1}}, "required": ["x"]}}, {}, {"x": 2}),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"a": 1}, {"b": 1}),
        ({"minProperties": 1}, "text", {"a": 1}),
    ],
)
def test_what_a_schema_names_passes_and_what_it_does_not_is_refused(schema, known, unknown):
    assert fits(under(schema), {"o": known})
    assert not fits(under(schema), {"o": unknown})


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        {"description": "anything"},
        {"$ref": "#/$defs/any"},
        {"additionalProperties": True},
        {"type": "object", "properties": {"b": {}}, "additionalProperties": {}},
        {"unevaluatedProperties": True},
        {"type": "object", "properties": {"b": {}}, "allOf": [{"additionalProperties": True}]},
        {"anyOf": [{}, {"type": "null"}]},
        {"anyOf": [{"$ref": "#/$defs/any"}, {"properties": {"b": {}}}]},
        {"enum": [{"a": {"deep": 1}}]},
        {"const": {"a": {"deep": 1}}},
        {"anyOf": [{"const": {"a": {"deep": 1}}}, {"properties": {"b": {}}}]},
        {"type": "object", "properties": {"a": {}}},
    ],
)
def test_what_is_explicitly_wanted_stays_open(schema):
    assert fits(under(schema), {"o": {"a": {"deep": 1}}})


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"title": "t"}, {"type": "object", "properties": {}}])
def test_a_tool_that_names_no_argument_takes_none(schema):
    assert fits(schema, {})
    assert not fits(schema, {"a": 1})


def test_a_tool_that_wants_any_argument_takes_any():
    assert fits({"type": "object", "additionalProperties": True}, {"a": {"b": 1}})
    assert fits({"type": "object", "additionalProperties": TEXT}, {"a": "x"})
    assert not fits({"type": "object", "additionalProperties": TEXT}, {"a": 1})


def test_a_form_that_only_closing_would_make_unique_is_refused_as_the_schema_refuses_it():
    nested: JsonObject = {
        "oneOf": [{"properties": {"o": {"properties": {"a": {}}}}}, {"properties": {"o": {"properties": {"b": {}}}}}]
    }
    assert not fits(nested, {"o": {"a": 1}})  # both fit as written


def test_a_recursive_anyof_takes_the_fields_of_one_form():
    tree: JsonObject = {"anyOf": [{"properties": {"and": {"items": {"$ref": "#"}}}}, {"properties": {"is": TEXT}}]}
    assert fits(tree, {"and": [{"is": "x"}, {"and": []}]})
    assert not fits(tree, {"and": [{"is": "x", "or": 1}]})
    assert not fits(tree, {"and": [{"is": "x", "and": []}]})


def test_a_root_that_is_also_referred_to_in_place_does_not_close_the_referring_part():
    schema: JsonObject = {"properties": {"id": TEXT, "more": {"allOf": [{"$ref": "#"}, {"properties": {"x": {}}}]}}}
    assert fits(schema, {"id": "1", "more": {"id": "2", "x": 1}})
    assert not fits(schema, {"id": "1", "x": 1})


def test_draft_07_lists_dependencies_and_definitions_are_read():
    schema: JsonObject = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"p": {"type": "object", "properties": {"x": {"type": "integer"}}}},
        "properties": {"pair": {"additionalItems": {"$ref": "#/definitions/p"}, "items": [TEXT]}, "a": {}, "b": {}},
        "dependencies": {"a": ["b"], "b": {"properties": {"c": {}}}},
    }
    assert fits(schema, {"pair": ["x", {"x": 1}]})
    assert not fits(schema, {"pair": ["x", {"y": 1}]})
    assert not fits(schema, {"pair": [1]})
    assert fits(schema, {"a": 1, "b": 1, "c": 1})
    assert not fits(schema, {"a": 1})
    assert not fits(schema, {"c": 1})
