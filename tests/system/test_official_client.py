"""The official MCP client against the whole system, in front of real servers over stdio."""

import asyncio
from collections.abc import Iterator

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError

from tests.support.needs import need_bubblewrap
from tests.support.system import BIN, Gate, System

TIME_SCHEMA = {
    "type": "object",
    "properties": {
        "timezone": {
            "description": "IANA timezone name (e.g., 'America/New_York', 'Europe/London'). Use 'UTC' as local timezone"
            " if no timezone provided by the user.",
            "title": "Timezone",
            "type": "string",
        }
    },
    "required": ["timezone"],
    "title": "get_current_timeArguments",
}
POLICY = {
    "servers": [{"id": "time", "title": "Clock", "trust_level": "internal", "credential": {"mode": "none"}}],
    "tools": [
        {"server": "time", "name": "get_current_time", "risk": "LOW", "input_schema": TIME_SCHEMA},
        {
            "server": "time",
            "name": "convert_time",
            "risk": "LOW",
            "input_schema": {"type": "object", "properties": {"time": {"type": "string"}}},
        },
    ],
    "grants": [{"principal": "ada", "server": "time", "tools": ["*"], "reason": "tests"}],
}


@pytest.fixture(scope="module")
def clock(system: System) -> Iterator[Gate]:
    """mcp-server-time behind a gate; `convert_time` is declared otherwise than it is."""
    system.apply(POLICY)
    command = [str(BIN / "mcp-server-time"), "--local-timezone", "UTC"]
    gate = system.open_gate(system.enroll("clock", "time", command=command))
    yield gate
    gate.program.stop()


async def the_time(url: str, token: str, mode: str) -> tuple[str, list[str], bool]:
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,  # type: ignore[arg-type]
    ):
        names = [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool("get_current_time", {"timezone": "UTC"})
        with pytest.raises(MCPError) as refused:
            await client.call_tool("convert_time", {"time": "12:00"})
        assert refused.value.code == -32003
        assert refused.value.data["reason_codes"] == ["DENY_TOOL_CHANGED"]
        return str(client.protocol_version), names, bool(result.is_error)


@pytest.mark.parametrize(("mode", "revision"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_client_lists_calls_and_reads_refusals(
    system: System, clock: Gate, ada: str, mode: str, revision: str
) -> None:
    assert asyncio.run(the_time(clock.url, ada, mode)) == (revision, ["get_current_time"], False)


def test_a_stdio_server_runs_in_the_sandbox_and_the_receipt_says_so(system: System, clock: Gate, ada: str) -> None:
    need_bubblewrap()
    trace = "aaaabbbbccccddddaaaabbbbccccdddd"
    answer = system.caller("clock", ada).call(
        "get_current_time", {"timezone": "UTC"}, traceparent=f"00-{trace}-00f067aa0ba902b7-01"
    )
    assert answer.result["isError"] is False
    receipt = next(r for r in system.receipts() if r["trace_id"] == trace)
    assert receipt["sandbox"] == {"fs_policy": "workspace_only", "net_policy": "block_all"}
    assert receipt["mcp"]["definition_hash"].startswith("sha256:")
