"""Streams of notifications: a session's GET in the handshake era, `subscriptions/listen` in the modern one.

All they ever carry is that the list of tools has changed (MCP_WIRE sections 3.2, 6.4 and 11.4). Pure.
"""

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp import answers
from enforcer.mcp.admitted import Admitted
from enforcer.mcp.answers import Answer
from enforcer.mcp.upstream.shape import TOOLS_CHANGED

META_SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"


def wants_tools(listening: Admitted) -> bool:
    """Whether the client asked to hear of its tools; in the handshake era everybody does."""
    asked = listening.params.get("notifications")
    return listening.era == "legacy" or (isinstance(asked, dict) and asked.get("toolsListChanged") is True)


def first_message(listening: Admitted) -> JsonObject | None:
    """What was asked for and is served, before anything else is said; the handshake era knows no such word."""
    if listening.era == "legacy":
        return None
    served: JsonObject = {"toolsListChanged": True} if wants_tools(listening) else {}
    return {"jsonrpc": "2.0", "method": ACKNOWLEDGED, "params": {"notifications": served, **_named(listening)}}


def tools_changed(listening: Admitted) -> JsonObject:
    """The client's list is no longer what it was."""
    if listening.era == "legacy":
        return {"jsonrpc": "2.0", "method": TOOLS_CHANGED}
    return {"jsonrpc": "2.0", "method": TOOLS_CHANGED, "params": _named(listening)}


def over(listening: Admitted) -> Answer:
    """The gate ends the stream; nothing is wrong, the client may open another one."""
    if listening.era == "legacy":
        return Answer(200)
    return answers.result(listening, {"resultType": "complete", **_named(listening)})


def _named(listening: Admitted) -> JsonObject:
    return {"_meta": {META_SUBSCRIPTION: listening.id}}
