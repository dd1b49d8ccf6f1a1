"""What a receipt may say of arguments: keys and types, never values."""

from enforcer.contract.strict_json import JsonObject, JsonValue

MAX_KEYS = 64
MAX_DEPTH = 4
_TYPES = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}


def redacted(arguments: JsonObject) -> JsonObject:
    """`{"path": "/etc"}` → `{"path": "string"}`; wide or deep parts are counted instead of shown."""
    return _object(arguments, 1)


def _object(value: JsonObject, depth: int) -> JsonObject:
    made: JsonObject = {key[:128]: _shape(item, depth) for key, item in list(value.items())[:MAX_KEYS]}
    if len(value) > MAX_KEYS:
        made["…"] = f"{len(value) - MAX_KEYS} more"
    return made


def _shape(value: JsonValue, depth: int) -> JsonValue:
    if isinstance(value, list):
        return f"array of {len(value)}"
    if isinstance(value, dict):
        return _object(value, depth + 1) if depth < MAX_DEPTH else f"object of {len(value)}"
    return _TYPES[type(value)]
