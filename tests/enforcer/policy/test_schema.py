import time

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.schema import (
    MAX_PROBLEMS,
    CompiledSchema,
    SchemaProblem,
    compile_arguments,
    compile_constraint,
    constraint_fields_unknown_to,
)

DRAFT7 = "http://json-schema.org/draft-07/schema#"
READ: JsonObject = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}


def tool(schema: JsonObject) -> CompiledSchema:
    compiled = compile_arguments(schema)
    assert isinstance(compiled, CompiledSchema), compiled
    return compiled


def constraint(schema: JsonObject) -> CompiledSchema:
    compiled = compile_constraint(schema)
    assert isinstance(compiled, CompiledSchema), compiled
    return compiled


def kinds(schema: JsonObject, arguments: JsonValue) -> list[tuple[str, str]]:
    return [(problem.kind, problem.pointer) for problem in tool(schema).check(arguments)]


def test_unknown_fields_come_first_and_each_problem_names_its_place():
    assert kinds(READ, {"path": "a"}) == []
    assert kinds(READ, {"path": 1, "force": True}) == [("unknown_field", "/force"), ("invalid", "/path")]
    assert kinds(READ, {}) == [("invalid", "")]
    assert kinds(READ, {"path": "a", "a/b~": 1}) == [("unknown_field", "/a~1b~0")]


def test_a_problem_never_holds_an_arguments_value():
    rules: JsonObject = {"a": {"enum": ["x"]}, "b": {"const": 1}, "c": {"pattern": "^x"}, "d": {"type": "integer"}}
    more: JsonObject = {"e": False, "f": {"maxLength": 1}, "g": {"uniqueItems": True}, "h": {"minimum": 99}}
    schema: JsonObject = {"properties": {**rules, **more}}
    secret: JsonObject = dict.fromkeys("abcdef", "SECRET")
    problems = tool(schema).check({**secret, "g": ["SECRET", "SECRET"], "h": 7.0625, "new": "SECRET"})
    assert len(problems) >= 8
    assert not any("SECRET" in p.message or "7.06" in p.message for p in problems)


def test_names_from_the_arguments_are_shown_short_and_printable():
    (problem,) = tool(READ).check({"path": "a", "\n\x1b[31m" + "x" * 5_000: 1})
    assert len(problem.pointer) < 300
    assert problem.pointer.isprintable()


def test_problems_are_bounded_however_many_there_are():
    assert len(tool(READ).check({"path": 1, **{str(n): n for n in range(5_000)}})) == MAX_PROBLEMS
    many: JsonObject = {"properties": {"items": {"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}}
    started = time.perf_counter()
    assert [p.kind for p in tool(many).check({"items": [1] * 100_000})] == ["invalid"]
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"$ref": "https://example.com/schema"}, "/$ref"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "/properties/a/$ref"),
        ({"$id": "https://example.com/a", "properties": {"a": {"$ref": "b"}}}, "/properties/a/$ref"),
        ({"$defs": {"a": {"$ref": "https://example.com"}}}, "/$defs/a/$ref"),
        ({"properties": {"a": {"$id": "https://example.com/", "$ref": "#"}}}, "/properties/a/$id"),
        ({"$dynamicRef": "#a"}, "/$dynamicRef"),
        ({"$ref": "#nowhere"}, "/$ref"),
        ({"$ref": "#/$defs/none"}, "/$ref"),
        ({"$ref": "#"}, ""),
        ({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}, "/$defs/a"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "/$schema"),
        ({"$schema": 7}, "/$schema"),
        ({"properties": {"a": {"$schema": DRAFT7}}}, "/properties/a/$schema"),
        ({"properties": {"a": {"pattern": "(?=a)b"}}}, "/properties/a/pattern"),
        ({"pattern": r"(a)\1"}, "/pattern"),
        ({"pattern": "((a{1000}){1000}){1000}"}, "/pattern"),
        ({"patternProperties": {"(?!x)": {}}}, "/patternProperties/(?!x)"),
        ({"type": "strin"}, "/type"),
        ({"properties": {"a": {"minimum": "1"}}}, "/properties/a/minimum"),
        ({"required": "path"}, "/required"),
        ({"properties": []}, "/properties"),
        ({"properties": {"a": 1}}, "/properties/a"),
        ({"anyOf": []}, "/anyOf"),
        ({"anyOf": {}}, "/anyOf"),
        ({"items": [{}]}, "/items"),
        ({"additionalItems": False}, "/additionalItems"),
        ({"$schema": DRAFT7, "unevaluatedProperties": False}, "/unevaluatedProperties"),
        ({"$schema": DRAFT7, "definitions": {"a": {}}, "$ref": "#/definitions/a", "maxLength": 1}, ""),
        ({"default": float("nan")}, ""),
        ({"default": "x" * 300_000}, ""),
        ({"properties": {1: {}}}, ""),
    ],
)
def test_a_schema_that_can_not_be_judged_safely_is_refused_at_its_place(schema, place):
    for compiled in (compile_arguments(schema), compile_constraint(schema)):
        assert isinstance(compiled, SchemaProblem)
        assert compiled.pointer == place
        assert compiled.message
        assert compiled.right


def test_a_schema_too_deep_too_large_or_that_multiplies_is_refused():
    deep: JsonObject = {}
    for _ in range(5_000):
        deep = {"not": deep}
    wide: JsonObject = {"properties": {str(n): {} for n in range(6_000)}}
    chain: JsonObject = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(25)}
    long: JsonObject = {f"a{n}": {"items": {"$ref": f"#/$defs/a{n + 1}"}} for n in range(2_000)}
    for schema in (
        deep,
        wide,
        {"$defs": {**chain, "a25": {}}, "$ref": "#/$defs/a0"},
        {"$defs": {**long, "a2000": {}}, "$ref": "#/$defs/a0"},
    ):
        assert isinstance(compile_arguments(schema), SchemaProblem)
        assert isinstance(compile_constraint(schema), SchemaProblem)


def test_a_misspelt_keyword_is_refused_in_a_constraint_and_left_out_of_a_tool():
    assert isinstance(compile_constraint({"properties": {"path": {"patern": "^a"}}}), SchemaProblem)
    assert kinds({"properties": {"path": {"x-ui": 1, "nullable": True}}}, {"path": "a"}) == []


def test_a_constraint_is_judged_as_written():
    reports = constraint({"properties": {"path": {"pattern": "^reports/"}}})
    assert reports.satisfied({"path": "reports/a", "other": 1})
    assert reports.satisfied({})
    assert not reports.satisfied({"path": "secrets/a"})
    assert not constraint({"required": ["path"]}).satisfied({})
    assert constraint({"properties": {"path": {"pattern": "^[A-Z]{2}$"}}}).satisfied({"path": "AB"})
    assert not constraint({"properties": {"path": {"pattern": "^[A-Z]{2}$"}}}).satisfied({"path": "AB\n"})


def test_a_heavy_pattern_judges_only_so_much_text():
    heavy = constraint({"properties": {"a": {"pattern": "^(a|b)*a(a|b){2000}c$"}}})
    assert heavy.flat.heavy_patterns
    assert not heavy.too_much({"a": "b"})
    started = time.perf_counter()
    assert heavy.too_much({"a": "ab" * 500_000})
    assert not heavy.satisfied({"a": "ab" * 500_000})
    assert time.perf_counter() - started < 1
    assert [p.kind for p in tool({"properties": {"a": {"pattern": "^.{1,255}$"}}}).check({"a": "x" * 70_000})] == [
        "invalid"
    ]


FILTERS: dict[str, JsonObject] = {
    "a field in two forms": {"anyOf": [{"properties": {"x": {"$ref": "#"}}}, {"properties": {"x": {"$ref": "#"}}}]},
    "one form": {
        "oneOf": [{"type": "object", "properties": {"x": {"$ref": "#"}}}, {"type": "object", "required": ["x"]}]
    },
    "beside": {
        "properties": {"x": {"$ref": "#"}},
        "anyOf": [{"properties": {"x": {"$ref": "#"}, "y": {}}}, {"properties": {"x": {"$ref": "#"}, "z": {}}}],
    },
    "if": {
        "properties": {"x": {"$ref": "#"}},
        "if": {"properties": {"x": {"$ref": "#"}}},
        "then": {"properties": {"y": {}}},
    },
}


@pytest.mark.parametrize("schema", FILTERS.values(), ids=FILTERS)
def test_a_recursive_schema_stalls_nothing_however_deep_the_arguments(schema):
    compiled = tool(schema)
    started = time.perf_counter()
    for leaf in ({}, 1, {"q": 1}):
        for depth in (8, 16, 31, 60):
            value: JsonValue = leaf
            for _ in range(depth):
                value = {"x": value}
            compiled.check(value)
    assert time.perf_counter() - started < 3


def test_constraint_fields_that_a_schema_can_not_have_are_named():
    schema: JsonObject = {
        "properties": {
            "path": {"type": "string"},
            "files": {"type": "array", "items": {"$ref": "#/$defs/file"}},
            "free": {},
            "open": {"type": "object", "additionalProperties": True},
        },
        "$defs": {"file": {"type": "object", "properties": {"name": {}, "parent": {"$ref": "#/$defs/file"}}}},
    }
    asked: JsonObject = {
        "required": ["path", "missing"],
        "properties": {
            "pth": {},
            "files": {
                "items": {"properties": {"name": {}, "nam": {}, "parent": {"properties": {"parent": {}, "p": {}}}}}
            },
            "free": {"properties": {"anything": {}}},
            "open": {"properties": {"anything": {}}},
        },
        "not": {"anyOf": [{"properties": {"forced": {}}}]},
        "if": {"dependentRequired": {"path": ["needed"]}},
    }
    assert constraint_fields_unknown_to(asked, schema) == [
        *("/files/*/nam", "/files/*/parent/p", "/forced", "/missing", "/needed", "/pth")
    ]
    assert constraint_fields_unknown_to({"properties": {"path": {}}}, READ) == []
    assert constraint_fields_unknown_to({"properties": {"path": {}}}, {"type": "object"}) == ["/path"]


NAMES = st.sampled_from("abc")
LEAVES = st.sampled_from(
    [
        *({}, True, {"type": "string"}, {"type": "integer"}, {"type": ["object", "null"]}, {"enum": ["x", 1, None]}),
        *({"minimum": 1}, {"minLength": 1}, {"type": "object"}, {"const": {"a": 1}}, {"required": ["a"]}, False),
    ]
)


def composed(inner: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    members = st.lists(inner, min_size=1, max_size=2)
    properties = st.dictionaries(NAMES, inner, min_size=1, max_size=2)
    return st.one_of(
        st.fixed_dictionaries(
            {"properties": properties}, optional={"required": st.lists(NAMES, max_size=1), "anyOf": members}
        ),
        st.fixed_dictionaries({"properties": properties, "additionalProperties": inner}),
        st.fixed_dictionaries({}, optional={"allOf": members, "anyOf": members, "oneOf": members, "not": inner}),
        st.fixed_dictionaries({"items": inner}, optional={"contains": inner, "prefixItems": members}),
        st.fixed_dictionaries({"if": inner, "then": inner}, optional={"else": inner}),
        st.fixed_dictionaries(
            {"patternProperties": st.dictionaries(st.sampled_from(["^a", "b|c"]), inner, max_size=1)}
        ),
        st.fixed_dictionaries({"dependentSchemas": st.dictionaries(NAMES, inner, min_size=1, max_size=1)}),
    )


SCHEMAS = st.recursive(LEAVES, composed, max_leaves=8).filter(lambda schema: isinstance(schema, dict))
VALUES = st.recursive(
    st.sampled_from(["x", "", 1, 0, None, True]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=3)


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, VALUES)
def test_a_constraint_agrees_with_another_implementation(schema, value):
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert constraint(schema).satisfied(value) is expected


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, ARGUMENTS)
def test_arguments_that_pass_closed_fit_as_written_and_name_every_field(schema, arguments):
    compiled = tool(schema)
    problems = compiled.check(arguments)
    written = jsonschema.Draft202012Validator(schema).is_valid(arguments)
    if not problems:
        assert written
    if problems and written:
        assert problems[0].kind == "unknown_field"
    if [p for p in problems if p.pointer and p.kind == "unknown_field"]:
        assert not compiled.satisfied(arguments)


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, ARGUMENTS)
def test_a_field_that_no_part_of_the_schema_names_never_passes(schema, arguments):
    text = str(schema)
    if "additionalProperties" not in text and "{}" not in text and "True" not in text and "const" not in text:
        assert tool({**schema, "title": "t"}).check({**arguments, "zzz": 1})


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, ARGUMENTS)
def test_draft_07_means_the_same_where_the_drafts_agree(schema, arguments):
    if not any(word in str(schema) for word in ("prefixItems", "dependentSchemas")):
        older = tool({"$schema": DRAFT7, **schema})
        assert bool(older.check(arguments)) is bool(tool(schema).check(arguments))
