"""The embedding program as the server behind the gate: it lists what it was given, its caller runs the tools."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import orjson

from enforcer.contract.strict_json import JsonObject
from enforcer.embed.running import CURRENT
from enforcer.link.state import Applied
from enforcer.mcp.upstream.base import UpstreamFailure, UpstreamRequest


class EmbeddedServer:
    """Its own transport: nothing is launched, and no sandbox of the gate's holds it."""

    def __init__(self, tools: Sequence[JsonObject], on_list_changed: Callable[[], None]) -> None:
        """`tools`: definitions as MCP's `tools/list` shows them."""
        self.fs_policy, self.net_policy = "none", "none"
        self.warning: str | None = None
        self.launched = False
        self._tools = copied(tools)
        self._on_list_changed = on_list_changed

    def offer(self, tools: list[JsonObject]) -> None:
        """Other tools from now on."""
        self._tools = tools
        self._on_list_changed()

    def cut_off(self) -> None:
        """The program around it has a network of its own, which nobody here can cut."""

    async def upstream(self, _policy: Applied) -> "EmbeddedServer":
        """The same under every policy."""
        return self

    def release(self, _owner: str) -> None:
        """Nothing is kept for an owner."""

    async def close(self) -> None:
        """Nothing was started."""

    @asynccontextmanager
    async def exchange(self, request: UpstreamRequest) -> AsyncIterator["EmbeddedExchange"]:
        """`tools/list` is answered here; `tools/call` by whoever made the call."""
        yield EmbeddedExchange(self._answer(request))

    async def _answer(self, request: UpstreamRequest) -> AsyncIterator[JsonObject]:
        method, params = request.message.get("method"), request.message.get("params")
        if method == "tools/list":
            result: JsonObject = {"tools": list(self._tools), "resultType": "complete"}
        elif method == "tools/call" and isinstance(params, dict):
            given = params.get("arguments")
            result = await CURRENT.get().run(given if isinstance(given, dict) else {})
        else:
            raise UpstreamFailure("invalid", f"an embedded server answers no {method}", sent=False)
        if len(orjson.dumps(result)) > request.max_response_bytes:
            raise UpstreamFailure("invalid", f"more than {request.max_response_bytes} bytes")
        yield {"jsonrpc": "2.0", "id": request.message.get("id"), "result": result}


class EmbeddedExchange:
    """One answer."""

    status, session_id = 200, None

    def __init__(self, messages: AsyncIterator[JsonObject]) -> None:
        self._messages = messages

    def __aiter__(self) -> AsyncIterator[JsonObject]:
        return self._messages


def copied(tools: Sequence[JsonObject]) -> list[JsonObject]:
    """What the program changes later changes nothing here. Raises `TypeError` for what is no JSON."""
    found: list[JsonObject] = orjson.loads(orjson.dumps(list(tools)))
    return found


async def never() -> dict[str, object]:
    """The client of an embedded gate leaves no other way than by its program."""
    await asyncio.Event().wait()
    return {}
