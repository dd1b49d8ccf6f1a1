"""Request bodies: read as items of the policy file are, described by JSON Schemas that stand beside the reading.

A serializer of the framework takes `"5"` for a number and drops what it doesn't know; these refuse both, at its place.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request

from controlplane.api.problems import refused_body
from controlplane.policy.declarative.problems import Problem
from controlplane.policy.declarative.reader import MAX_NUMBER, MAX_TEXT, Reader
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.contract.targets import ID
from enforcer.policy.rates import PERIODS, SHARED

NO_EXAMPLE: JsonObject = {}
LONGEST_ID = 63
TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[-+][0-9]{2}:[0-9]{2}))?"
)


class Described(serializers.Serializer[Any]):
    """A shape whose JSON Schema is written out; `controlplane.api.openapi` puts it into the document."""

    schema: ClassVar[JsonObject]


@contextmanager
def reading(request: Request) -> Iterator[Reader]:
    """The body as a reader; at the end unknown keys are refused too, and every problem is told at once (422)."""
    problems: list[Problem] = []
    body = Reader(request.data, (), problems)
    yield body
    if not (body.flawed and not isinstance(request.data, dict)):
        body.finish()
    if problems:
        raise refused_body(problems)


def obj(
    properties: JsonObject, *, required: Sequence[str] = (), example: JsonObject = NO_EXAMPLE, note: str = ""
) -> JsonObject:
    """A mapping that knows these keys and no others."""
    made: JsonObject = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        made["required"] = list(required)
    if example:
        made["examples"] = [example]
    return _noted(made, note)


def text(note: str = "", *, longest: int = MAX_TEXT, pattern: str = "", default: str | None = None) -> JsonObject:
    """Text that says something; empty only where that is the default."""
    made: JsonObject = {"type": "string", "minLength": int(default != ""), "maxLength": longest}
    if pattern:
        made["pattern"] = f"^({pattern})$" if default != "" else f"^({pattern})?$"
    if default is not None:
        made["default"] = default
    return _noted(made, note)


def ident(note: str = "", *, default: str | None = None) -> JsonObject:
    """An id of CONTRACTS section 3."""
    return text(note, longest=LONGEST_ID, pattern=ID.pattern, default=default)


def choice(words: Sequence[str], note: str = "", *, default: str | None = None) -> JsonObject:
    """One of the words."""
    made: JsonObject = {"type": "string", "enum": [str(word) for word in words]}
    if default is not None:
        made["default"] = default
    return _noted(made, note)


def whole(note: str = "", *, default: int | None = None, most: int = MAX_NUMBER) -> JsonObject:
    """A whole number from 1."""
    made: JsonObject = {"type": "integer", "minimum": 1, "maximum": most}
    if default is not None:
        made["default"] = default
    return _noted(made, note)


def texts(note: str = "", *, of: JsonValue = None, least: int = 0) -> JsonObject:
    """A list of texts."""
    made: JsonObject = {"type": "array", "items": text() if of is None else of}
    if least:
        made["minItems"] = least
    return _noted(made, note)


def time(note: str = "") -> JsonObject:
    """RFC 3339, or a date alone."""
    made: JsonObject = {"type": "string", "pattern": f"^({TIME})$", "examples": ["2027-01-31T12:00:00Z"]}
    return _noted(made, note)


def flag(note: str = "") -> JsonObject:
    """True or false."""
    return _noted({"type": "boolean", "default": False}, note)


def rate(note: str = "") -> JsonObject:
    """`100/minute`, or `100/minute shared`."""
    return text(note, pattern=f"[1-9][0-9]{{0,6}}/({'|'.join(PERIODS)})({SHARED})?", default="")


def _noted(made: JsonObject, note: str) -> JsonObject:
    return {**made, "description": note} if note else made
