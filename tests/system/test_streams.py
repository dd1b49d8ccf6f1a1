"""Open streams through the whole system, with the official client: what it hears, and what closes them."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared._httpx_utils import create_mcp_http_client

from tests.support.admin import give_admin_address, total
from tests.support.processes import wait_for
from tests.support.system import BIN, Gate, System
from tests.system.test_official_client import POLICY

DENY = {"id": "no-clock", "principal": "ada", "server": "time", "tools": ["*"], "effect": "deny", "reason": "tests"}
MODES = ("auto", "legacy")
METHODS = {"auto": "subscriptions/listen", "legacy": "GET"}


@pytest.fixture(scope="module", params=[1, 3], ids=["alone", "workers"])
def clock(system: System, request: pytest.FixtureRequest) -> Iterator[Gate]:
    """mcp-server-time behind a gate of its own, of one process or of several."""
    system.apply(POLICY)
    enforcer_id = f"streams-{request.param}"
    command = [str(BIN / "mcp-server-time"), "--local-timezone", "UTC"]
    file = give_admin_address(system.enroll(enforcer_id, "time", command=command))
    gate = system.open_gate(file, workers=request.param)
    system.caller(enforcer_id, system.token("ada")).call("get_current_time", {"timezone": "UTC"})
    yield gate
    gate.program.stop()


class Ear:
    """A client with an open stream: `heard` counts what it was told."""

    def __init__(self, client: Client) -> None:
        self.client, self.heard = client, 0
        self.lost: SubscriptionLost | None = None
        self.over = asyncio.Event()

    async def on_message(self, message: Any) -> None:
        self.heard += type(message).__name__ == "ToolListChangedNotification"

    async def follow(self) -> None:
        try:
            async with self.client.listen(tools_list_changed=True) as stream:
                async for _ in stream:
                    self.heard += 1
        except SubscriptionLost as lost:
            self.lost = lost
        self.over.set()

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def hears(self, count: int) -> None:
        await asyncio.to_thread(wait_for, lambda: self.heard >= count, f"{count} changes to be told")


@asynccontextmanager
async def listening(system: System, gate: Gate, mode: str) -> AsyncIterator[Ear]:
    """Open once the gate counts the stream."""
    before = open_streams(gate)
    ears: list[Ear] = []

    async def told(message: Any) -> None:
        await ears[0].on_message(message)

    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {system.token('ada')}"}) as http,
        Client(streamable_http_client(gate.url, http_client=http), mode=mode, message_handler=told) as client,  # type: ignore[arg-type]
        asyncio.TaskGroup() as tasks,
    ):
        ears.append(Ear(client))
        following = tasks.create_task(ears[0].follow()) if mode == "auto" else None
        await asyncio.to_thread(wait_for, lambda: open_streams(gate) > before, "an open stream")
        yield ears[0]
        if following is not None:
            following.cancel()


def open_streams(gate: Gate) -> float:
    return total(gate, "drawbridge_open_streams", 'server="time"')


@pytest.mark.parametrize("mode", MODES)
async def test_a_listening_client_hears_that_its_tools_changed_and_lists_what_it_may_see_now(
    system: System, clock: Gate, mode: str
) -> None:
    async with listening(system, clock, mode) as ear:
        assert await ear.tools() == ["get_current_time"]
        await asyncio.to_thread(system.apply, {**POLICY, "grants": [*POLICY["grants"], DENY]})
        await ear.hears(1)
        assert await ear.tools() == []
        ended = {**DENY, "tools": ["nothing_like_it"]}
        await asyncio.to_thread(system.apply, {**POLICY, "grants": [*POLICY["grants"], ended]})
        await ear.hears(2)
        assert await ear.tools() == ["get_current_time"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_kill_closes_the_stream_and_its_one_receipt_says_so(system: System, clock: Gate, mode: str) -> None:
    async with listening(system, clock, mode) as ear:
        raised = await asyncio.to_thread(system.manage, "kill", "raise", "server:time", "--reason", "streams")
        try:
            assert re.search(rf"^{clock.file.stem}  [0-9.]+ ms$", raised.out, re.MULTILINE), (
                raised
            )  # others may be silent
            await asyncio.to_thread(wait_for, lambda: open_streams(clock) == 0, "the stream to be closed")
            if mode == "auto":
                async with asyncio.timeout(10):
                    await ear.over.wait()
                assert "DENY_KILL_SWITCH" in str(getattr(ear.lost and ear.lost.__cause__, "error", ""))
        finally:
            await asyncio.to_thread(system.manage, "kill", "lower", "server:time", "--reason", "streams")
    receipt = await asyncio.to_thread(
        wait_for, lambda: stopped(system, clock, METHODS[mode]), "the receipt of the stream"
    )
    assert receipt["decision"]["result"] == "deny"
    assert receipt["decision"]["reason_codes"][0] == "DENY_KILL_SWITCH"


async def test_a_gate_that_is_told_to_stop_ends_its_streams_and_waits_for_none(system: System, clock: Gate) -> None:
    async with listening(system, clock, "auto") as ear:
        began = time.monotonic()
        await asyncio.to_thread(clock.program.stop)
        assert time.monotonic() - began < 8, "no waiting for streams to end by themselves"
        async with asyncio.timeout(10):
            await ear.over.wait()
        assert ear.lost is None, "a graceful end"


def stopped(system: System, gate: Gate, method: str) -> dict[str, Any] | None:
    receipts = system.receipts("--enforcer", gate.file.stem, settle_s=0)
    found = [r for r in receipts if r.get("mcp", {}).get("method") == method]
    return next((r for r in found if (r.get("outcome") or {}).get("detail") == "stopped"), None)
