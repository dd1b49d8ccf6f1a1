"""Generated schemas and values: what is accepted here, `jsonschema` accepts too; closing a schema never opens it."""

from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enforcer.contract.strict_json import JsonObject
from enforcer.policy.schema import CompiledSchema, compile_arguments, compile_constraint

names = st.sampled_from(["a", "b", "c"])
numbers = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.5])
texts = st.text(st.sampled_from("ab1\n"), max_size=4)
scalars = st.none() | st.booleans() | numbers | texts
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
types = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])
patterns = st.sampled_from(["^a", "b$", "^[ab]+$", "1", "^(a+)+$"])
leaves = st.fixed_dictionaries(
    {},
    optional={
        "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
        "enum": st.lists(values, min_size=1, max_size=3),
        "const": values,
        "minimum": numbers,
        "exclusiveMaximum": numbers,
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "pattern": patterns,
        "minItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "required": st.lists(names, max_size=2, unique=True),
        "maxProperties": st.integers(0, 3),
    },
)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=2)
    more = st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(names, inner, max_size=3),
            "patternProperties": st.dictionaries(patterns, inner, max_size=1),
            "additionalProperties": inner | st.booleans(),
            "items": inner,
            "prefixItems": several,
            "contains": inner,
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentSchemas": st.dictionaries(names, inner, max_size=1),
        },
    )
    return st.tuples(leaves, more).map(lambda parts: {**parts[0], **parts[1]})


schemas: st.SearchStrategy[JsonObject] = st.recursive(leaves, _around, max_leaves=5)
thorough = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(schemas, values)
def test_nothing_is_accepted_that_jsonschema_refuses(schema: JsonObject, value: Any) -> None:
    compiled = compile_constraint(schema)
    if isinstance(compiled, CompiledSchema) and compiled.satisfied(value):
        assert jsonschema.Draft202012Validator(schema).is_valid(value)


@thorough
@given(schemas, values)
def test_what_is_refused_here_alone_ends_in_a_line_end(schema: JsonObject, value: Any) -> None:
    """`$` is the end here; Python's lets a line end follow. Nothing else is stricter."""
    compiled = compile_constraint(schema)
    if isinstance(compiled, CompiledSchema) and jsonschema.Draft202012Validator(schema).is_valid(value):
        assert compiled.satisfied(value) or "\\n" in repr(value)


@thorough
@given(schemas, st.dictionaries(names, values, max_size=3))
def test_a_closed_schema_accepts_no_more_than_the_open_one(schema: JsonObject, value: Any) -> None:
    closed, open_ = compile_arguments(schema), compile_constraint(schema)
    if isinstance(closed, CompiledSchema) and isinstance(open_, CompiledSchema) and closed.satisfied(value):
        assert open_.satisfied(value)
