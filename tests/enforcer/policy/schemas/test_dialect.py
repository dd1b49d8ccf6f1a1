import pytest

from enforcer.contract.strict_json import JsonObject
from enforcer.policy.schemas.dialect import translate
from enforcer.policy.schemas.node import UnfitError

DRAFT7 = "http://json-schema.org/draft-07/schema#"


def emitted(schema: JsonObject) -> JsonObject:
    return translate(schema, strict=False).emit()


def test_references_are_numbered_and_definitions_read_once():
    schema: JsonObject = {
        "$defs": {"a/b": {"type": "string"}},
        "properties": {n: {"$ref": "#/$defs/a~1b"} for n in "xy"},
    }
    reference: JsonObject = {"$ref": "#/$defs/0"}
    assert emitted(schema) == {"properties": {"x": reference, "y": reference}, "$defs": {"0": {"type": "string"}}}


def test_a_reference_may_lead_to_any_place_of_the_document():
    schema: JsonObject = {"properties": {"a": {"type": "string"}, "b": {"$ref": "#/properties/a"}, "c": {"$ref": "#"}}}
    flat = translate(schema, strict=False)
    assert {node.pointer for node in flat.defs.values()} == {"/properties/a", ""}
    percent: JsonObject = {"$defs": {"a b": {"minimum": 1}}, "$ref": "#/$defs/a%20b"}
    assert emitted(percent)["$defs"] == {"0": {"minimum": 1}}


def test_draft_07_is_written_as_2020_12():
    schema: JsonObject = {
        "$schema": DRAFT7,
        "items": [{"type": "string"}],
        "additionalItems": False,
        "dependencies": {"a": ["b"], "b": {"required": ["c"]}},
        "format": "uri",
    }
    assert emitted(schema) == {
        "prefixItems": [{"type": "string"}],
        "items": False,
        "dependentRequired": {"a": ["b"]},
        "dependentSchemas": {"b": {"required": ["c"]}},
        "$defs": {},
    }
    assert emitted({"$schema": DRAFT7, "items": {"type": "string"}, "additionalItems": False})["items"] == {
        "type": "string"
    }


@pytest.mark.parametrize("dialect", [DRAFT7, DRAFT7[:-1], "https://json-schema.org/draft/2020-12/schema"])
def test_the_two_dialects_are_known_with_and_without_their_hash(dialect):
    assert emitted({"$schema": dialect, "type": "object"}) == {"type": "object", "$defs": {}}


def test_strict_refuses_what_is_no_keyword_and_lenient_leaves_it_out():
    assert emitted({"x-ui": 1, "nullable": True, "minimum": 1}) == {"minimum": 1, "$defs": {}}
    with pytest.raises(UnfitError) as refused:
        translate({"properties": {"a": {"x-ui": 1}}}, strict=True)
    assert refused.value.problem.pointer == "/properties/a/x-ui"
