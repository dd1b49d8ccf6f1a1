"""The official client and a real server, with nothing but these pieces in between."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from enforcer.mcp.upstream.stdio import StdioUpstream
from enforcer.sandbox.plan import LaunchPlan
from tests.enforcer.mcp.toy_gate import ToyGate

TIME = str(Path(sys.executable).with_name("mcp-server-time"))


def in_memory(gate: ToyGate) -> httpx2.AsyncClient:
    """HTTP without a network."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=gate))


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[ToyGate]:
    """A gate before `mcp-server-time`, of which one tool is hidden."""
    plan = LaunchPlan((TIME, "--local-timezone", "UTC"), {"PATH": "/usr/bin:/bin"}, str(tmp_path), "none", "none")
    upstream = StdioUpstream("time", plan)
    yield ToyGate(upstream, hidden="convert_time")
    await upstream.close()


def a_client(http: httpx2.AsyncClient, mode: str) -> Client:
    """The official client, through the gate in memory."""
    return Client(streamable_http_client("http://gate/mcp", http_client=http), mode=mode)


@pytest.mark.parametrize(
    ("mode", "revision"), [("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")]
)
async def test_the_official_client_lists_and_calls_in_every_mode(gate: ToyGate, mode: str, revision: str) -> None:
    async with in_memory(gate) as http, a_client(http, mode) as client:
        assert client.protocol_version == revision
        listed = await client.list_tools()
        assert [tool.name for tool in listed.tools] == ["get_current_time"]
        answer = await client.call_tool("get_current_time", {"timezone": "UTC"})
        assert not answer.is_error
        assert "UTC" in getattr(answer.content[0], "text", "")
    assert len(gate.sessions) == 0, "the client ends its session"
    unexpected = [a for a in gate.answered if a.status not in (200, 202, 405)]
    assert unexpected == []


async def test_a_tools_own_error_is_a_result_that_the_client_reads(gate: ToyGate) -> None:
    async with in_memory(gate) as http, a_client(http, "auto") as client:
        answer = await client.call_tool("get_current_time", {"timezone": "Nowhere/Land"})
        assert answer.is_error


async def test_a_method_that_does_not_pass_is_an_error_the_client_understands(gate: ToyGate) -> None:
    async with in_memory(gate) as http, a_client(http, "2026-07-28") as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource("note://one")
    assert refused.value.error.code == -32601
