"""`Mcp-Method` and `Mcp-Name` must say what the body says; decisions rest on the body alone (MCP_WIRE section 8)."""

import base64
import binascii
import re
from collections.abc import Mapping

from enforcer.mcp.messages import Message
from enforcer.mcp.requests import HttpRequest, Twice

METHOD_HEADER = "mcp-method"
NAME_HEADER = "mcp-name"
# Where the body holds what `Mcp-Name` repeats.
NAMED_BY: Mapping[str, str] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
_SENTINEL = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_PLAIN = re.compile(r"[\x20-\x7e]*")


def routing_problem(message: Message, request: HttpRequest) -> str | None:
    """One sentence where the routing headers of a modern request differ from its body."""
    if request.one(METHOD_HEADER) != message.method:
        return "The header Mcp-Method must be the method of the body."
    key = NAMED_BY.get(message.method)
    named = message.params.get(key) if key is not None else None
    if named is not None and decode_value(request.one(NAME_HEADER)) != named:
        return f"The header Mcp-Name must be the {key} of the body."
    return None


def encode_value(value: str) -> str:
    """As a header's value: plain where it survives the way, else in the `=?base64?…?=` form."""
    if _PLAIN.fullmatch(value) and value == value.strip() and not _SENTINEL.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode('ascii')}?="


def decode_value(value: str | Twice | None) -> str | None:
    """The inverse; None for what is missing, doubled, or not exactly what `encode_value` could have written."""
    if not isinstance(value, str):
        return None
    found = _SENTINEL.fullmatch(value)
    if found is None:
        return value if _PLAIN.fullmatch(value) else None
    try:
        decoded = base64.b64decode(found.group(1), validate=True)
        text = decoded.decode()
    except (binascii.Error, ValueError):
        return None
    return text if base64.b64encode(decoded).decode("ascii") == found.group(1) else None
