"""A real MCP server (the official package's) whose tools are what a file says at the moment of each list.

The file holds a JSON list of definitions. Each call that arrives writes its tool's name into the ledger. With `--tells`
it says itself that its list changed; with `--legacy` it speaks the handshake era alone.
"""

import argparse
import asyncio
import json
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Told:
    """Whom it tells that its list changed: sessions of the handshake era, and subscriptions."""

    def __init__(self) -> None:
        self.bus, self.sessions = InMemorySubscriptionBus(), set[Any]()

    async def watch(self, definitions: Path) -> None:
        """Until cancelled."""
        was = _read(definitions)
        while True:
            await anyio.sleep(0.05)
            if (now := _read(definitions)) != was:
                was = now
                await self.bus.publish(ToolsListChanged())
                for session in self.sessions:
                    await session.send_tool_list_changed()


def build(definitions: Path, ledger: Path, told: Told) -> Server[Any]:
    """Calls are answered with the name of their tool."""

    async def listed(context: Any, _params: Any) -> types.ListToolsResult:
        told.sessions.add(context.session)
        return types.ListToolsResult(tools=_read(definitions))

    async def called(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        _note(ledger, params.name)
        return types.CallToolResult(content=[types.TextContent(type="text", text=params.name)])

    listens = ListenHandler(told.bus)
    return Server("shifty", version="1", on_list_tools=listed, on_call_tool=called, on_subscriptions_listen=listens)


def legacy(app: ASGIApp) -> ASGIApp:
    """Refuses the modern era as servers do that never heard of it."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        if dict(scope.get("headers", ())).get(b"mcp-protocol-version") == b"2026-07-28":
            await PlainTextResponse("unknown version", 400)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return run


async def serve(app: ASGIApp, listening: socket.socket, watching: Coroutine[Any, Any, None] | None) -> None:
    """Until the process ends."""
    async with asyncio.TaskGroup() as tasks:
        if watching is not None:
            tasks.create_task(watching)
        await uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on")).serve(sockets=[listening])


def _read(definitions: Path) -> list[types.Tool]:
    return [types.Tool.model_validate(tool) for tool in json.loads(definitions.read_text())]


def _note(ledger: Path, name: str) -> None:
    with ledger.open("a") as lines:
        lines.write(name + "\n")


def main() -> None:
    """Serve over HTTP on a loopback port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--definitions", type=Path, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--tells", action="store_true")
    parser.add_argument("--legacy", action="store_true")
    options = parser.parse_args()
    told = Told()
    app: ASGIApp = build(options.definitions, options.ledger, told).streamable_http_app(json_response=True)
    app = legacy(app) if options.legacy else app
    listening = socket.create_server(("127.0.0.1", options.port))
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    asyncio.run(serve(app, listening, told.watch(options.definitions) if options.tells else None))


if __name__ == "__main__":
    main()
