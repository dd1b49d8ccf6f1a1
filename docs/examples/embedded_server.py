"""An MCP server that decides its own calls: the gate is a library in it (docs/how-to/embed.md).

python embedded_server.py greeter.toml 8801
"""

import asyncio
import signal
import socket
import sys
from typing import Any

import uvicorn
from mcp import types
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from enforcer import CallRefused, Decision, Gate

GREET = {
    "name": "greet",
    "description": "Greets somebody, after a while if so asked.",
    "inputSchema": {
        "type": "object",
        "properties": {"whom": {"type": "string"}, "after_s": {"type": "number"}},
        "required": ["whom"],
    },
}


async def greet(whom: str, after_s: float = 0) -> str:
    """The tool itself."""
    await asyncio.sleep(after_s)
    return f"Hello, {whom}!"


def build(gate: Gate) -> Server[Any]:
    """Both handlers ask the gate; nothing else reaches the tool."""

    async def listed(context: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        tools = await gate.ahandle_tools_list(token=bearer(context), cursor=params.cursor if params else None)
        if tools.decision.error:
            raise refusal(tools.decision)
        return types.ListToolsResult(tools=[types.Tool.model_validate(tool) for tool in tools])

    async def called(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            async with gate.acall(token=bearer(context), tool_name=params.name, arguments=params.arguments) as call:
                text = await greet(**call.arguments)  # what was decided, not what the caller may have changed since
                result = await call.finish({"content": [{"type": "text", "text": text}]})
        except CallRefused as refused:  # CallStopped is one of them
            raise refusal(refused.decision) from None
        return types.CallToolResult.model_validate(result)

    return Server("greeter", version="1", on_list_tools=listed, on_call_tool=called)


def bearer(context: Any) -> str | None:
    """The caller's token; the gate verifies it."""
    scheme, _, token = context.request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def refusal(decision: Decision) -> MCPError:
    """The refusal in the words of the gate, its codes and the receipt's id in `data`."""
    error: dict[str, Any] = decision.error or {}
    return MCPError(error.get("code", -32603), error.get("message", "refused"), error.get("data"))


async def serve(file: str, port: int) -> None:
    """Until it is told to stop; receipts that are on their way leave before it ends."""
    async with Gate.open(file, tools={"greeter": [GREET]}) as gate:
        if not await gate.await_ready(30):
            sys.stderr.write("there is no policy yet: everything is refused until there is\n")
        app = build(gate).streamable_http_app(json_response=True)
        with socket.create_server(("127.0.0.1", port)) as listening:
            sys.stdout.write("serving\n")
            sys.stdout.flush()
            await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listening])


if __name__ == "__main__":
    # uvicorn raises the signal anew when it has stopped: by itself that would end the process before the gate closes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
