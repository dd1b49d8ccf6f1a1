"""Every kind of target × what it can meet: a new call, a list, a call in flight, an open stream. Beside it: nothing.

The session is one of the handshake era, so that every kind has something to name.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from enforcer.contract.incident import KillSwitch
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.targets import KINDS
from enforcer.link.state import Applied
from enforcer.mcp.sessions import Session
from enforcer.mcp.upstream.base import UpstreamRequest
from enforcer.pipeline import listen
from enforcer.pipeline.client import Client
from enforcer.pipeline.run import handle
from tests.enforcer.pipeline.test_listen import SHOWN, Listener, a_session
from tests.enforcer.pipeline.workbench import Workbench, applied, honest, request, token
from tests.support.processes import wait_for

HERE = {
    "all": "all", "server": "server:files", "tool": "tool:files/fs_*", "risk": "risk:LOW", "trust": "trust:internal",
    "principal": "principal:ada", "group": "group:finance", "session": "session:{session}",
    "credential": "credential:files", "enforcer": "enforcer:probe",
}  # fmt: skip
BESIDE = {
    "server": "server:other", "tool": "tool:files/db_*", "risk": "risk:CRITICAL", "trust": "trust:community",
    "principal": "principal:bob", "group": "group:ops", "session": "session:another", "credential": "credential:other",
    "enforcer": "enforcer:other",
}  # fmt: skip
OF_A_TOOL = ("tool", "risk")  # lists go on without it, streams are told
KILLED = ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]


def test_every_kind_stands_in_both_tables() -> None:
    assert set(HERE) == set(KINDS)
    assert set(BESIDE) == set(KINDS) - {"all"}


class World:
    """A gate, a session of ada's, and what she does in it."""

    def __init__(self, home: Path) -> None:
        self.hold = asyncio.Event()
        self.hold.set()
        self.bench = Workbench(home, self._answers)
        self.bench.gate.catalog("files").learn(applied().index, [SHOWN])
        self.session: Session = a_session(self.bench)

    async def _answers(self, sent: UpstreamRequest) -> AsyncIterator[JsonObject]:
        if sent.message["method"] == "tools/call":
            await self.hold.wait()
        async for message in honest(sent):
            yield message

    def kill(self, target: str) -> None:
        switch = KillSwitch(id="k1", target=target.format(session=self.session.id))
        self.bench.change(self._policy(switch))

    def _policy(self, *switches: KillSwitch) -> Applied:
        return applied(kill_switches=switches)

    async def ask(self, method: str, number: int = 1) -> dict[str, Any]:
        params = {"name": "fs_read", "arguments": {"path": "a"}} if method == "tools/call" else {}
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
        headers = {
            "host": "gate", "content-type": "application/json", "accept": "application/json, text/event-stream",
            "authorization": f"Bearer {token()}", "mcp-session-id": self.session.id,
            "mcp-protocol-version": "2025-11-25",
        }  # fmt: skip
        client = Client(_stays, _ignored)
        answer = await handle(self.bench.gate, "files", request("POST", headers, body), client)
        assert answer.body is not None
        return answer.body

    async def codes(self, method: str) -> list[str]:
        body = await self.ask(method)
        return list(body["error"]["data"]["reason_codes"]) if "error" in body else []


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(listen, "SPREAD_S", 0.0)
    return World(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_new_call_is_refused_and_reaches_nobody(world: World, kind: str) -> None:
    assert await world.codes("tools/call") == []
    reached = len(world.bench.server.calls())
    world.kill(HERE[kind])
    assert await world.codes("tools/call") == KILLED
    assert len(world.bench.server.calls()) == reached


@pytest.mark.parametrize("kind", KINDS)
async def test_a_list_is_refused_or_goes_on_without_the_tool(world: World, kind: str) -> None:
    listed = await world.ask("tools/list")
    assert [tool["name"] for tool in listed["result"]["tools"]] == ["fs_read"]
    world.kill(HERE[kind])
    if kind in OF_A_TOOL:
        assert (await world.ask("tools/list"))["result"]["tools"] == []
    else:
        assert await world.codes("tools/list") == KILLED


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_in_flight_is_cancelled_and_the_gate_says_so_only_then(world: World, kind: str) -> None:
    world.hold.clear()
    flying = asyncio.ensure_future(world.ask("tools/call"))
    await asyncio.to_thread(wait_for, world.bench.server.calls, "the call at the server", timeout_s=5)
    world.kill(HERE[kind])
    assert world.bench.gate.flights.stopping("files") == 1
    body = await asyncio.wait_for(flying, 5)
    assert body["error"]["data"]["reason_codes"] == KILLED
    assert world.bench.gate.flights.stopping("files") == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_an_open_stream_is_ended_or_told(world: World, kind: str) -> None:
    stream = await Listener(world.bench).legacy(world.session).until(keep_alives=1)
    world.kill(HERE[kind])
    if kind in OF_A_TOOL:
        await stream.until(1)
        assert stream.events == [{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}]
        await stream.leave()
    else:
        await stream.until(done=True)


@pytest.mark.parametrize("kind", BESIDE)
async def test_what_stands_beside_it_goes_on(world: World, kind: str) -> None:
    stream = await Listener(world.bench).legacy(world.session).until(keep_alives=1)
    world.hold.clear()
    flying = asyncio.ensure_future(world.ask("tools/call"))
    await asyncio.to_thread(wait_for, world.bench.server.calls, "the call at the server", timeout_s=5)
    world.kill(BESIDE[kind])
    world.hold.set()
    assert "result" in await asyncio.wait_for(flying, 5)
    assert await world.codes("tools/call") == []
    assert len((await world.ask("tools/list"))["result"]["tools"]) == 1
    assert (stream.events, stream.done) == ([], False)
    await stream.leave()


async def _stays() -> Any:
    await asyncio.Event().wait()


async def _ignored(_message: object) -> None:
    """Nothing is streamed here."""
