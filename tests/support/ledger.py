"""An MCP server whose calls can be counted: each writes its nonce, durably, before it does anything else."""

import argparse
import asyncio
import os
import socket
import sys
import time

import uvicorn
from mcp.server.mcpserver import MCPServer

INPUT_SCHEMAS = {
    name: {
        "properties": {
            "nonce": {"title": "Nonce", "type": "string"},
            "wait_s": {"default": 0, "title": "Wait S", "type": "number"},
        },
        "required": ["nonce"],
        "title": f"{name}Arguments",
        "type": "object",
    }
    for name in ("note", "other")
}


def build(path: str) -> MCPServer:
    """Tools `note` and `other`, alike but for the name."""
    server = MCPServer("ledger")
    ledger = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def write(nonce: str, wait_s: float) -> str:
        os.write(ledger, f"{time.monotonic()} {nonce}\n".encode())
        os.fsync(ledger)
        await asyncio.sleep(wait_s)
        return nonce

    @server.tool()
    async def note(nonce: str, wait_s: float = 0) -> str:
        """Write a nonce into the ledger."""
        return await write(nonce, wait_s)

    @server.tool()
    async def other(nonce: str, wait_s: float = 0) -> str:
        """The same under another name."""
        return await write(nonce, wait_s)

    return server


def main() -> None:
    """Serve over HTTP on a loopback port, or over stdio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--ledger", required=True)
    options = parser.parse_args()
    server = build(options.ledger)
    if options.port is None:
        server.run(transport="stdio")
        return
    listening = socket.create_server(("127.0.0.1", options.port))
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    config = uvicorn.Config(server.streamable_http_app(json_response=True), log_level="warning", lifespan="on")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
