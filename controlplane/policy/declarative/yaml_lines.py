"""YAML 1.2 to plain JSON values and the line of each (core schema; JSON is YAML).

Refused: aliases, anchors, tags, duplicate keys, keys that are not text, several documents, depth over 64, over 5 MB
where it isn't JSON. Scalars are read here, not by the library: a date stays text, `yes` is text, and a number is what
JSON could hold. Text that is strict JSON already is read as such, a hundred times faster; its lines are found when
there is something to say about them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from controlplane.policy.declarative.json_places import JsonPlaces
from controlplane.policy.declarative.problems import Lines, Path, Problem
from enforcer.contract.strict_json import MAX_DEPTH, MAX_INT, JsonValue, StrictJsonError, parse

MAX_BYTES = 5_000_000
MAX_JSON_BYTES = 64_000_000  # for whoever has reason to take more: JSON costs little to read
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "true": True, "false": False}
_CONSTANTS |= {"null": None, "Null": None, "NULL": None, "True": True, "TRUE": True, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(slots=True)
class Written:
    """The value and, per path, the line (from 1) where its key or item stands."""

    value: JsonValue = None
    lines: Lines = field(default_factory=dict)


class _Refused(Exception):  # noqa: N818 - control flow inside this file, becomes a `Problem`
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def read_yaml(raw: bytes) -> Written | Problem:
    """The one document in the text, or the first thing that keeps it from being read."""
    if len(raw) > MAX_JSON_BYTES:
        return Problem((), f"more than {MAX_JSON_BYTES} bytes", "a smaller file", 1)
    if raw.lstrip(b" \t\r\n").startswith(b"{") and b"\\u0000" not in raw:
        try:
            return Written(parse(raw), JsonPlaces(raw.decode()))
        except StrictJsonError:
            pass  # YAML may look like it, and tells where a mistake is
    if len(raw) > MAX_BYTES:
        return Problem((), f"{len(raw)} bytes of YAML", f"at most {MAX_BYTES}, or JSON up to {MAX_JSON_BYTES}", 1)
    return _read_events(raw)


def _read_events(raw: bytes) -> Written | Problem:
    try:
        return _Builder(YAML(typ="safe", pure=True).parse(raw.decode("utf-8"))).document()
    except UnicodeDecodeError as problem:
        return Problem((), "not UTF-8", "save the file as UTF-8", raw.count(b"\n", 0, problem.start) + 1)
    except _Refused as refused:
        return refused.problem
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        return Problem((), f"not YAML: {problem.problem}", "write YAML 1.2 or JSON", mark.line + 1 if mark else 1)
    except YAMLError:
        return Problem((), "not YAML: a character that YAML doesn't allow", "write YAML 1.2 or JSON", 1)


class _Builder:
    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._lines: dict[Path, int] = {}

    def document(self) -> Written:
        value: JsonValue = None
        started = False
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if started:
                    raise _Refused(Problem((), "a second document", "one document a file", event.start_mark.line + 1))
                started = True
                value = self._value(next(self._events), ())
        return Written(value, self._lines)

    def _value(self, event: Event, path: Path) -> JsonValue:
        line = event.start_mark.line + 1
        self._lines.setdefault(path, line)
        _check_plain(event, path, line)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        assert isinstance(event, ScalarEvent)
        return _scalar(event, path)

    def _sequence(self, path: Path) -> list[JsonValue]:
        items: list[JsonValue] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._key(event, path)
            inner = (*path, key)
            line = event.start_mark.line + 1
            if key in found:
                first = self._lines[inner]
                raise _Refused(Problem(inner, f"written twice, first in line {first}", "write it once", line))
            self._lines[inner] = line
            found[key] = self._value(next(self._events), inner)
        return found

    def _key(self, event: Event, path: Path) -> str:
        line = event.start_mark.line + 1
        _check_plain(event, path, line)
        key = _scalar(event, path) if isinstance(event, ScalarEvent) else None
        if not isinstance(key, str):
            raise _Refused(Problem(path, "a key that is not text", "put the key in quotes", line))
        return key


def _check_plain(event: Event, path: Path, line: int) -> None:
    if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
        raise _Refused(Problem(path, "anchors and aliases are not allowed", "write the value out", line))
    if getattr(event, "tag", None) is not None:
        raise _Refused(Problem(path, "tags are not allowed", "write the value without !", line))
    if len(path) > MAX_DEPTH:
        raise _Refused(Problem(path[:4], f"nested deeper than {MAX_DEPTH}", "write it flatter", line))


def _scalar(event: ScalarEvent, path: Path) -> JsonValue:
    """Core schema of YAML 1.2.2 section 10.3.2; a quoted or block scalar is always text."""
    if event.style is not None:
        return _text(event, path)
    text = event.value
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return _int(event, path)
    if _ENDLESS.fullmatch(text) or (_FLOAT.fullmatch(text) and float(text) in (float("inf"), float("-inf"))):
        raise _Refused(Problem(path, "a number that JSON can't hold", "a finite number", event.start_mark.line + 1))
    return float(text) if _FLOAT.fullmatch(text) else _text(event, path)


def _int(event: ScalarEvent, path: Path) -> int:
    text = event.value
    base = 8 if text.startswith("0o") else 16 if text.startswith("0x") else 10
    if len(text) > 24 or abs(value := int(text, base)) > MAX_INT:
        right = "at most 2^53-1; put it in quotes if it is text"
        raise _Refused(Problem(path, "an integer that JSON can't hold", right, event.start_mark.line + 1))
    return value


def _text(event: ScalarEvent, path: Path) -> str:
    """JSON writes a character beyond 16 bits as two escapes; YAML knows no such pairs, so they are joined here."""
    if "\0" in event.value:  # PostgreSQL can't store it
        raise _Refused(Problem(path, "a NUL character", "leave it out", event.start_mark.line + 1))
    try:
        joined: str = event.value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        line = event.start_mark.line + 1
        raise _Refused(Problem(path, "half of a surrogate pair", "write the whole character", line)) from None
    return joined
