"""JSON values as YAML 1.2 that is pleasant to read, and that `yaml_lines` reads back as the same values.

What fits goes on one line. A text stands without quotes only where no reader of YAML could take it for anything else;
every character that can't be seen (controls, bidirectional marks, zero-width) is written as an escape.
"""

import re
from collections.abc import Iterator

from enforcer.contract.strict_json import MAX_INT, JsonObject, JsonValue

WIDTH = 120
STEP = "  "
LONGEST_KEY = 1000  # YAML 1.2.2 section 7.4.2: a key on the line of its value has at most 1024 characters
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./*-]*( [A-Za-z0-9_(][A-Za-z0-9_./*()-]*)*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})  # YAML 1.1 and 1.2 together
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def write_yaml(document: JsonObject) -> str:
    """The whole text."""
    return "".join(yaml_lines_of(document))


def yaml_lines_of(document: JsonObject) -> Iterator[str]:
    """The text line by line; a list at the top has a line or more for each item, however few they are."""
    for key, value in document.items():
        if isinstance(value, list) and value:
            yield f"{_text(key)}:\n"
            for item in value:
                yield from _item(item, STEP)
        else:
            yield from _entry(key, value, "", "")


def _entry(key: str, value: JsonValue, first: str, indent: str) -> Iterator[str]:
    """One key of a mapping; `first` stands before it, `indent` before the lines that follow."""
    name = _text(key)
    if len(name) > LONGEST_KEY:
        yield f"{first}? {name}\n"
        first, name = indent, ""
    flow = _flow(value, WIDTH - len(first) - len(name) - 2)
    if flow is not None:
        yield f"{first}{name}: {flow}\n"
        return
    yield f"{first}{name}:\n"
    if isinstance(value, dict):
        yield from _mapping(value, indent + STEP, indent + STEP)
    elif isinstance(value, list):
        for item in value:
            yield from _item(item, indent + STEP)


def _item(value: JsonValue, indent: str) -> Iterator[str]:
    flow = _flow(value, WIDTH - len(indent) - 2)
    if flow is not None:
        yield f"{indent}- {flow}\n"
    elif isinstance(value, dict):
        yield from _mapping(value, f"{indent}- ", indent + STEP)
    elif isinstance(value, list):
        yield f"{indent}-\n"
        for item in value:
            yield from _item(item, indent + STEP)


def _mapping(value: JsonObject, first: str, indent: str) -> Iterator[str]:
    for key, inner in value.items():
        yield from _entry(key, inner, first, indent)
        first = indent


def _flow(value: JsonValue, room: int) -> str | None:
    """On one line; nothing where a mapping or a list is too long for that."""
    if isinstance(value, dict):
        return _flow_mapping(value, room)
    if isinstance(value, list):
        return _flow_list(value, room)
    return _scalar(value)


def _flow_mapping(value: JsonObject, room: int) -> str | None:
    parts = []
    for key, inner in value.items():
        text = _flow(inner, room)
        if text is None:
            return None
        parts.append(f"{_text(key)}: {text}")
        room -= len(parts[-1]) + 2
        if room < 0:
            return None
    return "{" + ", ".join(parts) + "}"


def _flow_list(value: list[JsonValue], room: int) -> str | None:
    parts = []
    for inner in value:
        text = _flow(inner, room)
        if text is None:
            return None
        parts.append(text)
        room -= len(text) + 2
        if room < 0:
            return None
    return "[" + ", ".join(parts) + "]"


def _scalar(value: str | float | bool | None) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) > MAX_INT:  # PostgreSQL gives 1e16 back as an integer
        return repr(float(value))
    return repr(value)


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _escaped(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
