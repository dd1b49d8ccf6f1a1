"""What a receipt may say of arguments: keys and types, and not more of them than a reader needs.

A value stands beside its type only where the reviewed schema of the tool marks its field with `"x-drawbridge-safe":
true`, and never where its name or itself looks like a secret or fits one of the patterns of the enforcer's file. A mark
counts in `properties` below `properties` alone: what a reference or a choice leads to may be something else.
"""

from functools import lru_cache

from enforcer.contract import redaction
from enforcer.contract.redaction import HIDDEN
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.schemas.engine import fits

SAFE = "x-drawbridge-safe"
MAX_KEYS = 128
MAX_KEY_LENGTH = 128
MAX_VALUE_LENGTH = 256
MAX_TEXT = 4096  # characters of all keys and values: JSON makes up to six bytes of one, and a receipt has a bound
MAX_DEPTH = 4
_TYPES = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}


def redacted(arguments: JsonObject, schema: JsonObject | None = None, patterns: tuple[str, ...] = ()) -> JsonObject:
    """`{"path": "/etc", "n": 1}` → `{"path": "string", "n": "integer: 1"}`, where `schema` marks `n` safe.

    What is too wide or too deep is counted instead of shown. `patterns` are expressions of the linear engine.
    """
    return _Redaction(patterns).object(arguments, schema, 1)


class _Redaction:
    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._left, self._text, self._patterns = MAX_KEYS, MAX_TEXT, patterns

    def object(self, value: JsonObject, schema: JsonValue, depth: int) -> JsonObject:
        fields = schema.get("properties") if isinstance(schema, dict) else None
        made: JsonObject = {}
        for key, item in value.items():
            shown = _name(key[:MAX_KEY_LENGTH], self._patterns)
            if self._left == 0 or self._text < len(shown):
                made["…"] = f"{len(value) - len(made)} more"
                break
            self._left, self._text = self._left - 1, self._text - len(shown)
            made[shown] = self._shape(key, item, fields.get(key) if isinstance(fields, dict) else None, depth)
        return made

    def _shape(self, key: str, value: JsonValue, schema: JsonValue, depth: int) -> JsonValue:
        if isinstance(value, list):
            return f"array of {len(value)}"
        if isinstance(value, dict):
            return self.object(value, schema, depth + 1) if depth < MAX_DEPTH else f"object of {len(value)}"
        kind = _TYPES[type(value)]
        if value is None or not isinstance(schema, dict) or schema.get(SAFE) is not True:
            return kind
        return f"{kind}: {self._value(key, value)}"

    def _value(self, key: str, value: bool | float | str) -> str:
        text = value if isinstance(value, str) else str(value).lower()
        if _secret(text, self._patterns) or _secret(f"{key}={text}", self._patterns):
            return HIDDEN
        shown = text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}… ({len(text)} characters)"
        if self._text < len(shown):
            return "…"
        self._text -= len(shown)
        return shown


@lru_cache(maxsize=4096)
def _name(key: str, patterns: tuple[str, ...]) -> str:
    """A caller may write anything where a name belongs."""
    return HIDDEN if _secret(key, patterns) else key


def _secret(text: str, patterns: tuple[str, ...]) -> bool:
    whole = text[: redaction.MAX_TEXT]
    return redaction.redacted(whole) != whole or any(fits(pattern, whole) for pattern in patterns)
