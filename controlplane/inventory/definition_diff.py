"""From one definition of a tool to another: each field that differs, old beside new, and what got wider.

What is not surely narrower in the arguments counts as wider, for a person to look at. Texts are read by models and
shown to people: that they differ is told, whether for the worse nobody can say by rule.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from controlplane.policy.history.wider import Reach
from controlplane.policy.history.words import LONGEST, Piece, pieces
from enforcer.contract.canonical import canonical
from enforcer.contract.definition import HASHED, definition_hash
from enforcer.contract.strict_json import JsonObject, JsonValue

SHOWN = 200
MOST = 20_000  # differences looked for
DEEPEST = 12
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
CLOSING = ("const", "pattern", "format", "multipleOf", "uniqueItems", "propertyNames")
TURNS = ("not", "if", "then", "else", "anyOf", "oneOf", "dependentSchemas", "contains")
SAYS_NOTHING = ("description", "title", "examples", "default", "$comment", "deprecated", "$schema", "$id")
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One place of the definition that differs, like `inputSchema.properties.path.maxLength`."""

    place: str
    reach: Reach
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """The first `SHOWN`, what got wider first; `total` counts all, as far as they were looked for."""

    lines: tuple[Line, ...]
    total: int

    @property
    def more(self) -> int:
        """How many are left out."""
        return self.total - len(self.lines)


def changes(old: JsonObject, new: JsonObject) -> Changes:
    """Of what the hash of a definition covers."""
    everything = (place for key in HASHED for place in _differing((key,), old.get(key), new.get(key), 0))
    found = list(islice(everything, MOST))
    if not found and definition_hash(old) != definition_hash(new):
        found = [(("null",), "a value is null", "where it was not there, or the other way round")]
    found.sort(key=lambda each: reach(*each) != "wider")
    return Changes(tuple(_line(*each) for each in found[:SHOWN]), len(found))


def reach(path: Path, old: JsonValue, new: JsonValue) -> Reach:
    """Whether more arguments pass than before; `neither` for what is no matter of arguments."""
    if path[0] == "annotations":
        return _of_annotation(path[-1], old)
    if path[0] != "inputSchema" or (path[-1] in SAYS_NOTHING and path[-2:-1] != ("properties",)):
        return "neither"
    if any(step in TURNS for step in path):
        return "wider"
    if path[-2:-1] == ("properties",):
        return "wider" if old is None or new is not None else "narrower"
    rule = next((rule for words, rule in _RULES if path[-1] in words), None)
    return "wider" if rule is None or not rule(old, new) else "narrower"


def _differing(path: Path, old: JsonValue, new: JsonValue, depth: int) -> Iterator[tuple[Path, JsonValue, JsonValue]]:
    if canonical(old) == canonical(new):  # `True == 1` in Python, and they say something else in a schema
        return
    if not (isinstance(old, dict) and isinstance(new, dict)) or depth >= DEEPEST:
        yield path, old, new
        return
    for key in dict.fromkeys((*old, *new)):
        yield from _differing((*path, key), old.get(key), new.get(key), depth + 1)


def _of_annotation(name: str, old: JsonValue) -> Reach:
    """What a server says of itself: less harmless than before is worth a look."""
    if name in ("readOnlyHint", "idempotentHint"):
        return "wider" if old is True else "neither"
    if name in ("destructiveHint", "openWorldHint"):
        return "wider" if old is False else "neither"
    return "neither"


def _upper(old: JsonValue, new: JsonValue) -> bool:
    return _numbers(old, new, lambda a, b: b <= a)


def _lower(old: JsonValue, new: JsonValue) -> bool:
    return _numbers(old, new, lambda a, b: b >= a)


def _numbers(old: JsonValue, new: JsonValue, tighter: Callable[[float, float], bool]) -> bool:
    if not isinstance(new, int | float) or isinstance(new, bool):
        return False
    return old is None or (isinstance(old, int | float) and not isinstance(old, bool) and tighter(old, new))


def _closes(old: JsonValue, new: JsonValue) -> bool:
    return old is None and new is not None


def _needs_more(old: JsonValue, new: JsonValue) -> bool:
    return _texts(old) <= _texts(new)


def _fewer(old: JsonValue, new: JsonValue) -> bool:
    return new is not None and (old is None or _texts(new) <= _texts(old))


def _shut(_old: JsonValue, new: JsonValue) -> bool:
    """An object that doesn't say is closed here anyway: taking an opening away closes it too."""
    return new is False or new is None


_RULES: tuple[tuple[tuple[str, ...], Callable[[JsonValue, JsonValue], bool]], ...] = (
    (UPPER, _upper),
    (LOWER, _lower),
    (CLOSING, _closes),
    (("required",), _needs_more),
    (("enum", "type"), _fewer),
    (("additionalProperties", "unevaluatedProperties"), _shut),
)


def _texts(value: JsonValue) -> set[str]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    return {json.dumps(item, sort_keys=True) for item in items}


def _line(path: Path, old: JsonValue, new: JsonValue) -> Line:
    return Line(".".join(path)[:LONGEST], reach(path, old, new), tuple(pieces(_text(old), _text(new))))


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
