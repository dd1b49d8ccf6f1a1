"""What a receipt may say of arguments: keys and types, never values, and not more of them than a reader needs."""

from enforcer.contract.strict_json import JsonObject, JsonValue

MAX_KEYS = 128
MAX_KEY_LENGTH = 128
MAX_TEXT = 4096  # characters of all keys: JSON makes up to six bytes of one, and a receipt has a bound
MAX_DEPTH = 4
_TYPES = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}


def redacted(arguments: JsonObject) -> JsonObject:
    """`{"path": "/etc"}` → `{"path": "string"}`; what is too wide or too deep is counted instead of shown."""
    return _Redaction().object(arguments, 1)


class _Redaction:
    def __init__(self) -> None:
        self._left, self._text = MAX_KEYS, MAX_TEXT

    def object(self, value: JsonObject, depth: int) -> JsonObject:
        made: JsonObject = {}
        for key, item in value.items():
            shown = key[:MAX_KEY_LENGTH]
            if self._left == 0 or self._text < len(shown):
                made["…"] = f"{len(value) - len(made)} more"
                break
            self._left, self._text = self._left - 1, self._text - len(shown)
            made[shown] = self._shape(item, depth)
        return made

    def _shape(self, value: JsonValue, depth: int) -> JsonValue:
        if isinstance(value, list):
            return f"array of {len(value)}"
        if isinstance(value, dict):
            return self.object(value, depth + 1) if depth < MAX_DEPTH else f"object of {len(value)}"
        return _TYPES[type(value)]
