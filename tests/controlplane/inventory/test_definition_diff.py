from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.inventory.definition_diff import SHOWN, changes
from enforcer.contract.definition import HASHED, definition_hash
from enforcer.contract.strict_json import JsonObject

PATH: JsonObject = {"type": "string", "maxLength": 100, "pattern": "^reports/"}
SCHEMA: JsonObject = {"type": "object", "properties": {"path": PATH}, "required": ["path"]}
READ: JsonObject = {"name": "fs_read", "description": "Reads a file.", "inputSchema": SCHEMA}
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
definitions = st.dictionaries(st.sampled_from(HASHED), values, max_size=5)


def with_path(**said: Any) -> JsonObject:
    path = {key: value for key, value in {**PATH, **said}.items() if value is not None}
    return {**READ, "inputSchema": {**SCHEMA, "properties": {"path": path}}}


def with_schema(**said: Any) -> JsonObject:
    return {**READ, "inputSchema": {key: v for key, v in {**SCHEMA, **said}.items() if v is not None}}


def told(new: JsonObject, old: JsonObject = READ) -> list[tuple[str, str]]:
    return [(line.place, line.reach) for line in changes(old, new).lines]


@pytest.mark.parametrize(
    ("new", "place", "reach"),
    [
        (with_path(maxLength=200), "inputSchema.properties.path.maxLength", "wider"),
        (with_path(maxLength=50), "inputSchema.properties.path.maxLength", "narrower"),
        (with_path(maxLength=None), "inputSchema.properties.path.maxLength", "wider"),
        (with_path(maxLength=True), "inputSchema.properties.path.maxLength", "wider"),
        (with_path(minLength=1), "inputSchema.properties.path.minLength", "narrower"),
        (with_path(pattern="^"), "inputSchema.properties.path.pattern", "wider"),
        (with_path(pattern=None), "inputSchema.properties.path.pattern", "wider"),
        (with_path(format="uri"), "inputSchema.properties.path.format", "narrower"),
        (with_path(type=["string", "null"]), "inputSchema.properties.path.type", "wider"),
        (with_path(enum=["a"]), "inputSchema.properties.path.enum", "narrower"),
        (with_path(description="A path."), "inputSchema.properties.path.description", "neither"),
        (with_path(unheardOf=1), "inputSchema.properties.path.unheardOf", "wider"),
        (with_schema(required=[]), "inputSchema.required", "wider"),
        (with_schema(required=["path", "other"]), "inputSchema.required", "narrower"),
        (with_schema(additionalProperties=True), "inputSchema.additionalProperties", "wider"),
        (with_schema(additionalProperties=False), "inputSchema.additionalProperties", "narrower"),
        (with_schema(properties={"path": PATH, "force": {}}), "inputSchema.properties.force", "wider"),
        (with_schema(properties={}), "inputSchema.properties.path", "narrower"),
        (with_schema(properties={"path": PATH, "title": {}}), "inputSchema.properties.title", "wider"),
        ({**READ, "description": "Reads."}, "description", "neither"),
        ({**READ, "annotations": {"readOnlyHint": True}}, "annotations", "neither"),
        ({**READ, "_meta": {"x": 1}}, "_meta", "neither"),
    ],
)
def test_each_difference_has_its_place_and_its_way(new: JsonObject, place: str, reach: str) -> None:
    assert told(new) == [(place, reach)]


def test_a_bound_inside_a_negation_counts_as_wider_either_way() -> None:
    old, new = with_schema(**{"not": {"maxProperties": 5}}), with_schema(**{"not": {"maxProperties": 3}})
    assert [way for _, way in told(new, old)] == ["wider"] == [way for _, way in told(old, new)]


def test_a_tool_that_no_longer_says_that_it_only_reads_is_marked() -> None:
    harmless = {**READ, "annotations": {"readOnlyHint": True, "destructiveHint": False}}
    assert told({**READ, "annotations": {"readOnlyHint": False, "destructiveHint": True}}, harmless) == [
        ("annotations.readOnlyHint", "wider"), ("annotations.destructiveHint", "wider"),
    ]  # fmt: skip


def test_true_is_not_one() -> None:
    assert told(with_schema(x=1), with_schema(x=True)) == [("inputSchema.x", "wider")]


def test_what_is_wider_comes_first_and_the_rest_is_counted() -> None:
    many = {f"field_{n}": {"description": "x"} for n in range(300)}
    made = changes({**READ, "description": "A"}, {**with_schema(properties={"path": PATH, **many}), "description": "B"})
    assert (made.total, len(made.lines), made.more) == (301, SHOWN, 101)
    assert {line.reach for line in made.lines} == {"wider"}


def test_words_are_compared_one_by_one_and_long_ones_are_cut() -> None:
    (line,) = changes(READ, {**READ, "description": "Reads a secret file."}).lines
    assert [(piece.kind, piece.text) for piece in line.pieces if piece.kind == "new"] == [("new", "secret ")]
    (long,) = changes(READ, {**READ, "description": "x" * 100_000}).lines
    assert sum(len(piece.text) for piece in long.pieces) < 3_000


@given(definitions, definitions)
def test_definitions_differ_exactly_where_their_hashes_do(one: JsonObject, other: JsonObject) -> None:
    assert changes(one, one).total == 0
    assert (changes(one, other).total > 0) == (definition_hash(one) != definition_hash(other))
