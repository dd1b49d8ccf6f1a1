"""JSON Schemas of tools and of constraints, made safe and compiled: draft 2020-12, draft-07 where `$schema` says so.

`compile_arguments` is for a tool: a field that the schema does not name is refused at every level (schemas/closing.py
says what counts as named). `compile_constraint` is for a grant: the schema as it stands, where a rule on an absent
field holds; a misspelt keyword is refused. Both refuse what can't be judged safely: a remote or endless `$ref`, a
pattern that the linear engine can't compile, another dialect, too large a schema. Nothing is ever fetched.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import jsonschema_rs

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.pointers import Steps, text_of
from enforcer.policy.schemas.closing import close
from enforcer.policy.schemas.dialect import translate
from enforcer.policy.schemas.engine import build
from enforcer.policy.schemas.fields import Fields, asked_but_unknown
from enforcer.policy.schemas.hints import Kind, find
from enforcer.policy.schemas.limits import check_work
from enforcer.policy.schemas.node import Flat, SchemaProblem, UnfitError
from enforcer.policy.schemas.references import References, survey

__all__ = [
    "ArgumentProblem",
    "CompiledSchema",
    "SchemaProblem",
    "compile_arguments",
    "compile_constraint",
    "constraint_fields_unknown_to",
]

MAX_PROBLEMS = 10
MAX_TEXT = 64 * 1024  # characters of all texts together, where a pattern is heavy
_MAX_EXPLAINED = 500  # values: the engine gathers every error before it names the first
_MAX_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class ArgumentProblem:
    """One thing wrong with a call's arguments. The message names fields and rules, never an argument's value."""

    kind: Literal["unknown_field", "invalid"]
    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A schema ready to judge. `closed` is none for a constraint; `deepest` bounds the value's depth, none: not."""

    flat: Flat
    references: References
    open: jsonschema_rs.Validator
    closed: jsonschema_rs.Validator | None
    deepest: int | None

    def satisfied(self, value: JsonValue) -> bool:
        """Whether the value fits. False also means `too_much`, which a deny must not take for a no."""
        if self.too_much(value):
            return False
        return self.open.is_valid(value) and (self.closed is None or self.closed.is_valid(value))

    def too_much(self, value: JsonValue) -> bool:
        """Whether the value is too deep or too long to be judged: then it is never `satisfied`."""
        if self.deepest is not None and _depth(value) > self.deepest:
            return True
        return self.flat.heavy_patterns and _text(value) > MAX_TEXT

    def check(self, arguments: JsonValue) -> tuple[ArgumentProblem, ...]:
        """What is wrong, unknown fields first, at most `MAX_PROBLEMS`; empty where the arguments fit."""
        if self.satisfied(arguments):
            return ()
        unknown = [] if self.closed is None else list(islice(self._unknown(arguments), MAX_PROBLEMS))
        invalid = list(islice(self._invalid(arguments), MAX_PROBLEMS - len(unknown)))
        if not unknown and not invalid:
            message = "these fields don't belong together in any one form that the schema allows"
            return (ArgumentProblem("unknown_field", "", message),)
        return (*unknown, *invalid)

    def places(self, kind: Kind) -> tuple[Steps, ...]:
        """Where the arguments hold paths or URLs, found by name, `format` and description (schemas/hints.py)."""
        return find(self.flat, self.references, kind)

    def _unknown(self, arguments: JsonValue) -> Iterator[ArgumentProblem]:
        for place in Fields(self.flat).unknown_in(arguments):
            yield ArgumentProblem("unknown_field", _shown(text_of(place)), "the schema has no such field")

    def _invalid(self, arguments: JsonValue) -> Iterator[ArgumentProblem]:
        if self.too_much(arguments):
            yield ArgumentProblem("invalid", "", "too deep, or too much text, to be judged by this schema")
        elif not self.open.is_valid(arguments):
            if self.references.recursive or _count(arguments) > _MAX_EXPLAINED:
                yield ArgumentProblem("invalid", "", "the arguments don't fit the schema")
                return
            for error in self.open.iter_errors(arguments):
                yield ArgumentProblem("invalid", _shown(text_of(tuple(error.instance_path))), _shown(error.message))


def compile_arguments(schema: JsonObject) -> CompiledSchema | SchemaProblem:
    """The schema of a tool's arguments, closed."""
    try:
        flat, references = _read(schema, strict=False)
        closed = close(flat, references)
        check_work(closed.flat, survey(closed.flat))
        return CompiledSchema(flat, references, build(flat.emit()), build(closed.flat.emit()), closed.deepest)
    except UnfitError as refusal:
        return refusal.problem


def compile_constraint(schema: JsonObject) -> CompiledSchema | SchemaProblem:
    """The schema of a grant's constraint, as written."""
    try:
        flat, references = _read(schema, strict=True)
        return CompiledSchema(flat, references, build(flat.emit()), None, None)
    except UnfitError as refusal:
        return refusal.problem


def constraint_fields_unknown_to(constraint: JsonObject, schema: JsonObject) -> list[str]:
    """Pointers to the fields that the constraint names and the tool's schema can't have; `*` is each item.

    Empty where either is no schema that compiles: that is the compilers' to say.
    """
    try:
        asked, _ = _read(constraint, strict=False)
        known, _ = _read(schema, strict=False)
    except UnfitError:
        return []
    return sorted({text_of(place) for place in asked_but_unknown(asked, known)})


def _read(schema: JsonObject, *, strict: bool) -> tuple[Flat, References]:
    flat = translate(schema, strict=strict)
    references = survey(flat)
    check_work(flat, references)
    return flat, references


def _values(value: JsonValue) -> Iterator[JsonValue]:
    pending = [value]
    while pending:
        value = pending.pop()
        yield value
        if isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _count(value: JsonValue) -> int:
    return sum(1 for _ in islice(_values(value), _MAX_EXPLAINED + 1))


def _text(value: JsonValue) -> int:
    total = 0
    for part in _values(value):
        total += len(part) if isinstance(part, str) else sum(map(len, part)) if isinstance(part, dict) else 0
    return total


def _depth(value: JsonValue) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [c for v in level if isinstance(v, (dict, list)) for c in (v.values() if isinstance(v, dict) else v)]
    return depth


def _shown(text: str) -> str:
    safe = "".join(c if c.isprintable() else "\ufffd" for c in text[: _MAX_MESSAGE + 1])
    return safe if len(safe) <= _MAX_MESSAGE else safe[:_MAX_MESSAGE] + "…"
