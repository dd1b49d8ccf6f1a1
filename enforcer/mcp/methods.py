"""Which method of which era this gate passes, and how (MCP_WIRE section 6). What is not named here is not passed.

Known to the protocol and refused in this version: resources, prompts, completion, tasks, extensions.
"""

from collections.abc import Mapping
from enum import StrEnum

from enforcer.mcp.eras import Era
from enforcer.mcp.messages import Message


class Treatment(StrEnum):
    """What the pipeline does with an admitted message."""

    OPEN = "open"  # initialize: forward, reduce the answer, give out a session
    DISCOVER = "discover"  # forward, reduce the answer
    LIST = "list"  # forward, filter the answer
    CALL = "call"  # decide
    LOCAL = "local"  # answer with an empty result, forward nothing
    READY = "ready"  # notifications/initialized: forward
    CANCEL = "cancel"  # notifications/cancelled: cancel the call of this session with this id
    LISTEN = "listen"  # a stream of our own notifications; forward nothing
    DROP = "drop"  # a notification that means nothing here: 202, forward nothing
    END = "end"  # DELETE: the client ends its session


_REQUESTS: Mapping[Era, Mapping[str, Treatment]] = {
    "modern": {
        "server/discover": Treatment.DISCOVER,
        "tools/list": Treatment.LIST,
        "tools/call": Treatment.CALL,
        "subscriptions/listen": Treatment.LISTEN,
    },
    "legacy": {
        "initialize": Treatment.OPEN,
        "ping": Treatment.LOCAL,
        "logging/setLevel": Treatment.LOCAL,
        "tools/list": Treatment.LIST,
        "tools/call": Treatment.CALL,
    },
}
_NOTIFICATIONS: Mapping[Era, Mapping[str, Treatment]] = {
    "modern": {},
    "legacy": {
        "notifications/initialized": Treatment.READY,
        "notifications/cancelled": Treatment.CANCEL,
    },
}


def treatment_of(era: Era, message: Message) -> Treatment | None:
    """None is a request that this gate does not pass; every other notification is dropped."""
    if message.kind == "request":
        return _REQUESTS[era].get(message.method)
    return _NOTIFICATIONS[era].get(message.method, Treatment.DROP)
