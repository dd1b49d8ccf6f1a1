"""A Streamable HTTP server of both eras on the official SDK, on a port of its own: prints it, serves until killed."""

import socket
import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer(name="fixture")


@server.tool()
def greet(name: str) -> str:
    """A plain result."""
    return f"Hello {name}"


@server.tool()
async def climb(ctx: Context) -> str:
    """Progress, then a result."""
    for step in (1, 2):
        await ctx.report_progress(progress=step, total=2)
    return "top"


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)  # noqa: T201
    app = server.streamable_http_app(json_response="--json" in sys.argv)
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on")).run(sockets=[listening])
