"""JSON that can be read in only one way (MCP_WIRE section 7, RFC 8259, RFC 7493).

Refused: bytes that are not UTF-8, a byte order mark, duplicate keys at any depth, NaN and infinities, integers that a
double can't hold exactly, lone surrogates, trailing data, depth over the limit.
"""

import json
import re
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

MAX_DEPTH = 64
MAX_INT = 2**53 - 1
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{\]}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # strict UTF-8 leaves escapes as their only way in


class StrictJsonError(ValueError):
    """The text is not JSON, or can be read in two ways. The message never holds the text."""


class TooDeepError(StrictJsonError):
    """Nested deeper than the limit."""


def parse(raw: bytes, *, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Parse strictly; raises `StrictJsonError`."""
    try:
        text = raw.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise StrictJsonError("not UTF-8") from None
    if text.startswith("\ufeff"):
        raise StrictJsonError("starts with a byte order mark")
    _check_depth(raw, max_depth)
    try:
        value: JsonValue = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_safe_int, parse_float=_finite
        )
    except StrictJsonError:
        raise
    except (ValueError, RecursionError):
        raise StrictJsonError("not JSON") from None
    if _ESCAPED_SURROGATE.search(raw):
        _refuse_surrogates(value)
    return value


def parse_object(raw: bytes, *, max_depth: int = MAX_DEPTH) -> JsonObject:
    """As `parse`, and the value must be an object."""
    value = parse(raw, max_depth=max_depth)
    if not isinstance(value, dict):
        raise StrictJsonError("not a JSON object")
    return value


def _check_depth(raw: bytes, limit: int) -> None:
    if raw.count(b"[") + raw.count(b"{") <= limit:
        return
    depth = 0
    for found in _BRACKETS.finditer(raw):
        mark = found.group()
        if mark in (b"[", b"{"):
            depth += 1
            if depth > limit:
                raise TooDeepError(f"nested deeper than {limit}")
        elif mark in (b"]", b"}"):
            depth -= 1


def _unique(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    seen = dict(pairs)
    if len(seen) != len(pairs):
        raise StrictJsonError("an object has the same key twice")
    return seen


def _refuse_surrogates(value: JsonValue) -> None:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise StrictJsonError("a string has a lone surrogate")
    elif isinstance(value, list):
        for item in value:
            _refuse_surrogates(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_surrogates(key)
            _refuse_surrogates(item)


def _no_constant(name: str) -> NoReturn:
    raise StrictJsonError(f"{name} is not JSON")


def _safe_int(text: str) -> int:
    if len(text) > 17 or abs(value := int(text)) > MAX_INT:
        raise StrictJsonError("an integer is beyond 2^53-1 and reads differently elsewhere")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise StrictJsonError("a number is too large for a double")
    return value
