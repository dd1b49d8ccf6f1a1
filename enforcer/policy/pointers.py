"""JSON pointers (RFC 6901) with two additions: `*` is each item of a list or each member of an object, `**` any depth.

Where a text stands in the place of a list or an object, the text itself is selected: a tool that takes `"a.txt"` beside
`["a.txt"]` is checked in both spellings.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from enforcer.contract.strict_json import JsonValue

EACH = "*"
ANY_DEPTH = "**"
Steps: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PointerProblem:
    """Why a text is no pointer."""

    detail: str


def parse(pointer: str) -> Steps | PointerProblem:
    """The unescaped steps; the empty pointer is the whole value."""
    if pointer == "":
        return ()
    if not pointer.startswith("/"):
        return PointerProblem("a pointer starts with /")
    steps = pointer.split("/")[1:]
    if any("~" in step.replace("~0", "").replace("~1", "") for step in steps):
        return PointerProblem("~ is written ~0 and / is written ~1")
    return tuple(unescape(step) for step in steps)


def unescape(step: str) -> str:
    """One step of a pointer as a key."""
    return step.replace("~1", "/").replace("~0", "~")


def text_of(place: Place) -> str:
    """A pointer in text."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)


def select(value: JsonValue, pointer: str | Steps) -> list[tuple[str, JsonValue]]:
    """What the pointer selects, each with its own pointer; nothing where the text is no pointer."""
    return [(text_of(place), found) for place, found in places(value, pointer)]


def places(value: JsonValue, pointer: str | Steps) -> list[tuple[Place, JsonValue]]:
    """As `select`, with the steps of each place."""
    steps = parse(pointer) if isinstance(pointer, str) else pointer
    if isinstance(steps, PointerProblem):
        return []
    return list(dict(_walk(value, steps, ())).items())


def replace_at(value: JsonValue, place: Place, new: JsonValue) -> JsonValue:
    """A copy with one place changed; what is not on the way there is shared, not copied."""
    if not place:
        return new
    step, rest = place[0], place[1:]
    if isinstance(value, dict) and isinstance(step, str):
        return {**value, step: replace_at(value[step], rest, new)}
    if isinstance(value, list) and isinstance(step, int):
        return [replace_at(item, rest, new) if number == step else item for number, item in enumerate(value)]
    return value


def _walk(value: JsonValue, steps: Steps, at: Place) -> Iterator[tuple[Place, JsonValue]]:
    if not steps:
        yield at, value
        return
    step, rest = steps[0], steps[1:]
    if step == ANY_DEPTH:
        yield from _anywhere(value, rest, at)
        return
    if not isinstance(value, (dict, list)):
        if value is not None:
            yield at, value
        return
    for key, child in _children(value, step):
        yield from _walk(child, rest, (*at, key))


def _anywhere(value: JsonValue, rest: Steps, at: Place) -> Iterator[tuple[Place, JsonValue]]:
    if isinstance(value, (dict, list)):
        yield from _walk(value, rest, at)
        for key, child in _children(value, EACH):
            yield from _anywhere(child, rest, (*at, key))


def _children(value: dict[str, JsonValue] | list[JsonValue], step: str) -> Iterator[tuple[str | int, JsonValue]]:
    if isinstance(value, dict):
        if step == EACH:
            yield from value.items()
        elif step in value:
            yield step, value[step]
    elif step == EACH:
        yield from enumerate(value)
    elif step.isascii() and step.isdigit() and len(step) < 9 and int(step) < len(value):
        yield int(step), value[int(step)]
