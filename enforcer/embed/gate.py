"""`Gate`: an enforcer inside of an MCP server's own process."""

import asyncio
import atexit
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from enforcer.config import Config, load
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.embed import requests
from enforcer.embed.answers import Conclusion, Decision, ToolList
from enforcer.embed.call import AsyncCall, Call
from enforcer.embed.engine import Engine, concluded
from enforcer.embed.running import Running
from enforcer.mcp.requests import HttpRequest

Tools = Sequence[JsonObject]
TURN_S = 0.05


class Gate:
    """The same stages, policy, journal and shipping as `enforcer run`, on a thread of their own.

    Every message leaves one receipt. Methods may be called from any thread and any event loop; those with an `a` in
    front are for the latter. Until a verified policy is there everything is refused.
    """

    def __init__(self, engine: Engine, tools: Mapping[str, Tools]) -> None:
        self._engine, self._config, self._pid = engine, engine.config, os.getpid()
        self._schemas = {server_id: _schemas(offered) for server_id, offered in tools.items()}

    @classmethod
    def open(cls, file: str | Path, *, tools: Mapping[str, Tools]) -> "Gate":
        """Of an enforcer's TOML file whose upstreams are `embedded = true`, and what its servers offer.

        `tools`: server id → definitions as MCP's `tools/list` shows them; held against what was approved, and what is
        new is reported for review. Raises `ConfigurationError` for a file that is wrong, `ValueError` where `tools` and
        the file name other servers, `TypeError` for definitions that are no JSON.
        """
        config = load(Path(file))
        _check(config, tools)
        gate = cls(Engine(config, tools), tools)
        atexit.register(gate.close)
        return gate

    def offer(self, server_id: str, tools: Tools) -> None:
        """Other tools of a server from now on; what was not approved so is held at once."""
        self._engine.offer(self._server(server_id), tools)
        self._schemas[server_id] = _schemas(tools)

    def ready(self) -> bool:
        """Whether every server has a verified policy and the journal takes receipts."""
        return os.getpid() == self._pid and self._engine.ready()

    def wait_ready(self, timeout_s: float = 10.0) -> bool:
        """Wait for `ready`; False where it took too long."""
        until = time.monotonic() + timeout_s
        while not self.ready() and time.monotonic() < until:
            time.sleep(TURN_S)
        return self.ready()

    async def await_ready(self, timeout_s: float = 10.0) -> bool:
        """`wait_ready` for an event loop."""
        return await asyncio.to_thread(self.wait_ready, timeout_s)

    def handle_tools_list(
        self,
        *,
        token: str | None,
        server_id: str | None = None,
        cursor: str | None = None,
        traceparent: str | None = None,
    ) -> ToolList:
        """The tools that the caller may see, a page of them; empty where it may see none."""
        return _list_of(concluded(self._list(token, server_id, cursor, traceparent)))

    async def ahandle_tools_list(
        self,
        *,
        token: str | None,
        server_id: str | None = None,
        cursor: str | None = None,
        traceparent: str | None = None,
    ) -> ToolList:
        """`handle_tools_list` for an event loop."""
        future = self._list(token, server_id, cursor, traceparent)
        await asyncio.wait([asyncio.wrap_future(future)])
        return _list_of(concluded(future))

    def handle_tools_call(
        self,
        *,
        token: str | None,
        tool_name: str,
        arguments: Mapping[str, JsonValue] | None = None,
        server_id: str | None = None,
        traceparent: str | None = None,
    ) -> tuple[Decision, JsonObject | None]:
        """Whether the tool may run with these arguments, once; and the receipt, which ends here.

        It says "effect unknown": what runs afterwards no kill reaches. `call` keeps hold of it and is what to use where
        the tool runs in this program. The receipt is None only where the journal could not take it: then it is refused.
        """
        return _decision_of(concluded(self._decide(token, tool_name, arguments, server_id, traceparent)))

    async def ahandle_tools_call(
        self,
        *,
        token: str | None,
        tool_name: str,
        arguments: Mapping[str, JsonValue] | None = None,
        server_id: str | None = None,
        traceparent: str | None = None,
    ) -> tuple[Decision, JsonObject | None]:
        """`handle_tools_call` for an event loop."""
        future = self._decide(token, tool_name, arguments, server_id, traceparent)
        await asyncio.wait([asyncio.wrap_future(future)])
        return _decision_of(concluded(future))

    def call(
        self,
        *,
        token: str | None,
        tool_name: str,
        arguments: Mapping[str, JsonValue] | None = None,
        server_id: str | None = None,
        traceparent: str | None = None,
    ) -> Call:
        """`with gate.call(…) as c: answer = c.finish(run(c.arguments))`; entering raises `CallRefused`."""
        return Call(self._engine, *self._call(token, tool_name, arguments, server_id, traceparent))

    def acall(
        self,
        *,
        token: str | None,
        tool_name: str,
        arguments: Mapping[str, JsonValue] | None = None,
        server_id: str | None = None,
        traceparent: str | None = None,
    ) -> AsyncCall:
        """`call` for an event loop: `async with gate.acall(…) as c: await c.finish(…)`."""
        return AsyncCall(self._engine, *self._call(token, tool_name, arguments, server_id, traceparent))

    def close(self) -> None:
        """Stop: no call is taken any more, what runs is told to end, every receipt is kept. More than once is once."""
        if os.getpid() == self._pid:
            self._engine.close()
        atexit.unregister(self.close)

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> "Gate":
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await asyncio.to_thread(self.close)

    def _server(self, server_id: str | None) -> str:
        known = self._config.server_ids
        if os.getpid() != self._pid:
            raise RuntimeError("this gate was opened before a fork: open one in each process, with a file of its own")
        if server_id is None and len(known) == 1:
            return known[0]
        if server_id not in known:
            raise ValueError(f"server_id: {server_id!r} is not in {self._config.path}; it has {', '.join(known)}")
        return server_id

    def _list(
        self, token: str | None, server_id: str | None, cursor: str | None, traceparent: str | None
    ) -> Future[Conclusion]:
        params: JsonObject = {} if cursor is None else {"cursor": cursor}
        asked = self._request("tools/list", params, token, traceparent, {})
        return self._engine.submit(self._server(server_id), asked, Running())

    def _decide(
        self,
        token: str | None,
        tool_name: str,
        arguments: Mapping[str, JsonValue] | None,
        server_id: str | None,
        traceparent: str | None,
    ) -> Future[Conclusion]:
        asked = self._call(token, tool_name, arguments, server_id, traceparent)
        return self._engine.submit(*asked, Running(observed=False))

    def _call(
        self,
        token: str | None,
        tool_name: str,
        arguments: Mapping[str, JsonValue] | None,
        server_id: str | None,
        traceparent: str | None,
    ) -> tuple[str, HttpRequest]:
        server = self._server(server_id)
        params: JsonObject = {"name": tool_name, "arguments": dict(arguments or {})}
        schema = self._schemas[server].get(tool_name, {})
        return server, self._request("tools/call", params, token, traceparent, schema)

    def _request(
        self, method: str, params: JsonObject, token: str | None, traceparent: str | None, schema: JsonObject
    ) -> HttpRequest:
        public_url = self._config.file.public_url
        return requests.request(
            method, params, token=token, public_url=public_url, traceparent=traceparent, schema=schema
        )


def _check(config: Config, tools: Mapping[str, Tools]) -> None:
    for number, upstream in enumerate(config.file.upstream):
        if not upstream.embedded:
            raise config.problem("upstream", f"number {number + 1} is not embedded; write embedded = true in it")
    if set(tools) != set(config.server_ids):
        raise ValueError(f"tools: needs those of {', '.join(config.server_ids)}, has {', '.join(tools) or 'none'}")


def _schemas(tools: Tools) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = {}
    for tool in tools:
        name, schema = tool.get("name"), tool.get("inputSchema")
        if isinstance(name, str) and isinstance(schema, dict):
            found[name] = schema
    return found


def _list_of(conclusion: Conclusion) -> ToolList:
    result = conclusion.result or {}
    tools, cursor = result.get("tools"), result.get("nextCursor")
    shown = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return ToolList(shown, conclusion.decision(), conclusion.receipt, cursor if isinstance(cursor, str) else None)


def _decision_of(conclusion: Conclusion) -> tuple[Decision, JsonObject | None]:
    decision = conclusion.decision()  # the error of an allowed one says only that nobody told us of a result
    return replace(decision, error=None) if decision.allowed else decision, conclusion.receipt
