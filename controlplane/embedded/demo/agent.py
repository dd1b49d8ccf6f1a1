"""`python -m controlplane.embedded.demo.agent URL TOOL ARGS`: an agent that lists a gate's tools and calls one.

It is the official MCP client; the token comes from `MCP_TOKEN` or is asked for. Exit code 0: it passed, 1: it didn't.
"""

import argparse
import asyncio
import getpass
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError

LONGEST = 400


@asynccontextmanager
async def client_of(url: str, token: str) -> AsyncIterator[Client]:
    """The official client, signed in at a gate."""
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def call(url: str, token: str, tool: str, arguments: dict[str, Any]) -> int:
    """Print what the agent sees; the exit code."""
    async with client_of(url, token) as client:
        names = sorted(listed.name for listed in (await client.list_tools()).tools)
        sys.stdout.write(f"tools: {', '.join(names) or 'none'}\n")
        try:
            result = await client.call_tool(tool, arguments)
        except MCPError as refusal:
            data = dict(refusal.data or {})
            codes = " ".join(data.get("reason_codes", []))
            sys.stdout.write(f"{tool}: refused, {codes}: {data.get('message')} {data.get('remedy')}\n")
            sys.stdout.write(f"receipt: {data.get('receipt_id')}\n")
            return 1
    text = " ".join(getattr(part, "text", "") for part in result.content)
    sys.stdout.write(f"{tool}: passed\n{text[:LONGEST]}\n")
    return 1 if result.is_error else 0


def main() -> int:
    """Read the command line, call, and say in one line what can't be reached."""
    parser = argparse.ArgumentParser(prog="python -m controlplane.embedded.demo.agent")
    parser.add_argument("url", help="of a gate, http://…/mcp")
    parser.add_argument("tool")
    parser.add_argument("arguments", type=json.loads, nargs="?", default={}, help="a JSON object")
    options = parser.parse_args()
    token = os.environ.get("MCP_TOKEN") or getpass.getpass("token: ")
    code = 3
    try:
        code = asyncio.run(call(options.url, token, options.tool, options.arguments))
    except* MCPError as group:
        sys.stderr.write(f"the gate refused the sign-in: {group.exceptions[0]}\n")
        code = 1
    except* OSError as group:
        sys.stderr.write(f"the gate can't be reached: {group.exceptions[0]}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
