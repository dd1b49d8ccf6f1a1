"""A real MCP server over stdio that tries to reach the network when it is told to.

`fetch` takes a URL and does nothing with it. `reach` says whether a port of this machine can be reached. `hold` keeps a
connection to one and writes to it until somebody ends it.
"""

import asyncio
import socket

from mcp.server.mcpserver import MCPServer

server = MCPServer("caller home")


@server.tool()
def fetch(url: str) -> str:
    """Pretends to fetch."""
    return f"fetched {url}"


@server.tool()
def reach(port: int) -> str:
    """Whether something listens there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return "reached"
    except OSError as problem:
        return f"not reached: {problem.strerror}"


@server.tool()
async def hold(port: int) -> str:
    """For as long as anybody listens."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    server.run()
