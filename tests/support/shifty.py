"""A real MCP server (the official package's) whose tools are what a file says at the moment of each list.

The file holds a JSON list of definitions. Each call that arrives writes its tool's name into the ledger.
"""

import argparse
import json
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from mcp import types
from mcp.server.lowlevel import Server


def build(definitions: Path, ledger: Path) -> Server[Any]:
    """Calls are answered with the name of their tool."""

    async def listed(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=_read(definitions))

    async def called(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        _note(ledger, params.name)
        return types.CallToolResult(content=[types.TextContent(type="text", text=params.name)])

    return Server("shifty", version="1", on_list_tools=listed, on_call_tool=called)


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
    options = parser.parse_args()
    app = build(options.definitions, options.ledger).streamable_http_app(json_response=True)
    listening = socket.create_server(("127.0.0.1", options.port))
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on")).run(sockets=[listening])


if __name__ == "__main__":
    main()
