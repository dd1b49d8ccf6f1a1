"""The parameters of the methods that pass: what must be there, of which type, and what may not be there."""

from collections.abc import Callable, Mapping

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.messages import MAX_NAME, Message, is_id

LOG_LEVELS = frozenset({"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"})
LISTENED = ("toolsListChanged", "promptsListChanged", "resourcesListChanged")
MAX_CURSOR = 8192  # characters

# Each opens a way around the decision: results that come later, answers nobody asked for, a state of another call.
_REFUSED_IN_CALL = ("task", "inputResponses", "requestState")


def params_problem(message: Message) -> str | None:
    """One sentence, or None where they fit; unknown keys are not refused here, they are never forwarded."""
    if not isinstance(message.params.get("_meta", {}), dict):
        return "_meta must be an object."
    token = message.meta.get("progressToken")
    if token is not None and not is_id(token):
        return "progressToken must be a text or a whole number."
    check = _CHECKS.get(message.method)
    return check(message.params) if check else None


def _call(params: JsonObject) -> str | None:
    for key in _REFUSED_IN_CALL:
        if params.get(key) is not None:
            return f"This gate does not pass {key}."
    if not _is_name(params.get("name")):
        return "name must be a text."
    if not isinstance(params.get("arguments"), dict | None):
        return "arguments must be an object."
    return None


def _list(params: JsonObject) -> str | None:
    cursor = params.get("cursor")
    if cursor is None or (isinstance(cursor, str) and len(cursor) <= MAX_CURSOR):
        return None
    return "cursor must be a text from an earlier page."


def _initialize(params: JsonObject) -> str | None:
    info = params.get("clientInfo")
    if not _is_name(params.get("protocolVersion")):
        return "protocolVersion must be a text."
    if not isinstance(params.get("capabilities"), dict):
        return "capabilities must be an object."
    if not isinstance(info, dict) or not isinstance(info.get("name"), str) or not isinstance(info.get("version"), str):
        return "clientInfo must have a name and a version."
    return None


def _set_level(params: JsonObject) -> str | None:
    level = params.get("level")
    return None if isinstance(level, str) and level in LOG_LEVELS else "level must be one of the protocol's."


def _cancelled(params: JsonObject) -> str | None:
    return None if is_id(params.get("requestId")) else "requestId must be a text or a whole number."


def _listen(params: JsonObject) -> str | None:
    wanted = params.get("notifications")
    if not isinstance(wanted, dict):
        return "notifications must be an object."
    if any(not isinstance(wanted.get(kind), bool | None) for kind in LISTENED):
        return "What notifications asks for must be true or false."
    if not isinstance(wanted.get("resourceSubscriptions"), list | None):
        return "resourceSubscriptions must be a list."
    return None


def _is_name(value: JsonValue) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME


_CHECKS: Mapping[str, Callable[[JsonObject], str | None]] = {
    "tools/call": _call,
    "tools/list": _list,
    "initialize": _initialize,
    "logging/setLevel": _set_level,
    "notifications/cancelled": _cancelled,
    "subscriptions/listen": _listen,
}
