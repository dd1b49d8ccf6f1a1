"""The official MCP client as an agent on the host would use it: `URL TOKEN_FILE`; prints the tools and one answer.

It trusts whom SSL_CERT_FILE names.
"""

import asyncio
import json
import ssl
import sys
from pathlib import Path

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def converse(url: str, token: str) -> dict[str, object]:
    """List, call, list what is refused."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, verify=ssl.create_default_context(), timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool("get_current_time", {"timezone": "UTC"})
        return {"tools": tools, "is_error": bool(result.is_error), "text": result.content[0].text}


if __name__ == "__main__":
    told = asyncio.run(converse(sys.argv[1], Path(sys.argv[2]).read_text().strip()))
    sys.stdout.write(json.dumps(told) + "\n")
