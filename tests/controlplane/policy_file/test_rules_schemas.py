import pytest
from hypothesis import given, settings

from controlplane.policy.declarative.rules_schemas import faults_of_schema
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.schema import CompiledSchema, compile_constraint
from tests.enforcer.policy.schemas.test_differential import schemas


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": {"minLength": -1}}}, ("input_schema", "properties", "a", "minLength")),
        ({"required": "a"}, ("input_schema", "required")),
        ({"allOf": [{}, {"type": "text"}]}, ("input_schema", "allOf", 1, "type")),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": 3}, ("input_schema", "items")),
    ],
)
def test_what_is_no_schema_is_refused_at_its_place(schema: JsonObject, place: tuple[str | int, ...]) -> None:
    assert [fault.below for fault in faults_of_schema("input_schema", schema)] == [place]


def test_a_pattern_is_not_judged_by_python_s_expressions() -> None:
    assert list(faults_of_schema("input_schema", {"pattern": r"^\p{Lu}+$"})) == []
    assert isinstance(compile_constraint({"pattern": r"^\p{Lu}+$"}), CompiledSchema)


@settings(max_examples=200, deadline=None)
@given(schemas)
def test_the_two_agree_on_what_is_a_schema(schema: JsonObject) -> None:
    if isinstance(compile_constraint(schema), CompiledSchema):
        assert list(faults_of_schema("constraint", schema)) == []
