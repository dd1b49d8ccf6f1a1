"""One JSON-RPC message from a client: strictly parsed, of exactly one shape (MCP_WIRE section 7)."""

from dataclasses import dataclass
from typing import Literal, TypeGuard

from enforcer.contract.strict_json import MAX_DEPTH, JsonObject, JsonValue, StrictJsonError, TooDeepError, parse
from enforcer.mcp.faults import Fault, Refusal, RequestId

MAX_NAME = 256  # characters of a method, an id, a tool's name


@dataclass(frozen=True, slots=True)
class Message:
    """A request where `id` is there, else a notification."""

    method: str
    id: RequestId | None
    params: JsonObject

    @property
    def kind(self) -> Literal["request", "notification"]:
        """Which of the two it is."""
        return "notification" if self.id is None else "request"

    @property
    def meta(self) -> JsonObject:
        """`params._meta`, empty where it is missing or no object."""
        found = self.params.get("_meta")
        return found if isinstance(found, dict) else {}

    def refuse(self, fault: Fault, sentence: str, **data: JsonValue) -> Refusal:
        """This message goes no further."""
        return Refusal(fault, sentence, id=self.id, method=self.method, data=data)


def read_message(body: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Message | Refusal:
    """The message, or why it is none. Arrays are refused in every revision: no client sends them."""
    if len(body) > max_bytes:
        return Refusal(Fault.TOO_LARGE, f"The body is larger than {max_bytes} bytes.")
    try:
        value = parse(body, max_depth=max_depth)
    except TooDeepError as problem:
        return Refusal(Fault.TOO_DEEP, f"The body is {problem}.")
    except StrictJsonError as problem:
        return Refusal(Fault.NOT_JSON, f"The body is not strict JSON: {problem}.")
    if not isinstance(value, dict):
        return Refusal(Fault.NOT_A_MESSAGE, "The body must be one JSON-RPC object.")
    return _shaped(value)


def _shaped(value: JsonObject) -> Message | Refusal:
    request_id, method, params = value.get("id"), value.get("method"), value.get("params", {})
    known = request_id if is_id(request_id) else None
    problem = _problem(value)
    if problem is not None:
        return Refusal(Fault.NOT_A_MESSAGE, problem, id=known)
    assert isinstance(method, str)
    assert isinstance(params, dict)
    return Message(method, known, params)


def _problem(value: JsonObject) -> str | None:
    method = value.get("method")
    if value.get("jsonrpc") != "2.0":
        return "jsonrpc must be the text 2.0."
    if "id" in value and not is_id(value["id"]):
        return "id must be a text or a whole number."
    if "result" in value or "error" in value:
        return "This gate has asked the client nothing, so it takes no response."
    if not isinstance(method, str) or not 0 < len(method) <= MAX_NAME:
        return "method must be a text."
    if not isinstance(value.get("params", {}), dict):
        return "params must be an object."
    return None


def is_id(value: JsonValue) -> TypeGuard[RequestId]:
    """A text or a whole number; true, 1.0 and null are none."""
    return (isinstance(value, str) and len(value) <= MAX_NAME) or (
        isinstance(value, int) and not isinstance(value, bool)
    )
