"""The shape of a JSON-RPC message that an upstream sent (JSON-RPC 2.0, MCP_WIRE section 7): exactly one, or none."""

import json
from typing import Literal

from enforcer.contract.strict_json import JsonObject, JsonValue, StrictJsonError, parse

TOOLS_CHANGED = "notifications/tools/list_changed"
Kind = Literal["request", "notification", "response", "error"]


def kind_of(message: JsonObject) -> Kind | None:
    """Which shape `message` has; None where it has none or could be taken for two."""
    marks = {"method", "result", "error"} & message.keys()
    if message.get("jsonrpc") != "2.0" or len(marks) != 1 or not _is_id(message.get("id", "")):
        return None
    if "method" in marks:
        if not isinstance(message["method"], str) or not isinstance(message.get("params", {}), dict):
            return None
        return "request" if message.get("id") is not None else None if "id" in message else "notification"
    if "error" in marks:  # a server that could not read the id answers with null, or with none
        return "error" if _is_error(message["error"]) else None
    return "response" if message.get("id") is not None and isinstance(message["result"], dict) else None


def _is_id(value: JsonValue) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _is_error(value: JsonValue) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("code"), int)
        and not isinstance(value.get("code"), bool)
        and isinstance(value.get("message"), str)
    )


def read(raw: bytes) -> tuple[Kind, JsonObject] | str:
    """One strictly parsed message and its shape, or what is wrong with it; the text never holds the message."""
    try:
        value = parse(raw)
    except StrictJsonError as error:
        return f"not strict JSON: {error}"
    kind = kind_of(value) if isinstance(value, dict) else None
    if kind is None or not isinstance(value, dict):
        return "not one JSON-RPC message"
    return kind, value


def encode(message: JsonObject) -> bytes:
    """JSON in ASCII on one line: no reader can find a line end in it that is not one."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def is_request(message: JsonObject) -> bool:
    """True for what has an answer."""
    return "method" in message and message.get("id") is not None
