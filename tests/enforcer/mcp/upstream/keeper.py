"""Holds an upstream open as an enforcer does, until it is killed: `keeper.py COMMAND…`. Prints `up` once it answers."""

import asyncio
import sys

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import UpstreamRequest
from enforcer.mcp.upstream.stdio import StdioUpstream
from enforcer.sandbox.plan import LaunchPlan


async def main() -> None:
    """One call, then wait for the end."""
    plan = LaunchPlan(tuple(sys.argv[1:]), {"PATH": "/usr/bin:/bin"}, "/", "none", "none")
    upstream = StdioUpstream("kept", plan)
    message: JsonObject = {"jsonrpc": "2.0", "id": "r1", "method": "echo", "params": {}}
    async with upstream.exchange(UpstreamRequest(message, "ada", "2025-11-25", 20, 1000)) as exchange:
        assert [answer async for answer in exchange]
    print("up", flush=True)  # noqa: T201
    await asyncio.Event().wait()


asyncio.run(main())
