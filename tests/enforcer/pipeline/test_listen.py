"""Streams: what a listening client hears, and what ends them. Real pipeline and journal, a client in memory."""

import asyncio
import json
import time
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from enforcer.contract.incident import KillSwitch, RevokedPrincipal
from enforcer.identity.claims import LEEWAY_S
from enforcer.link.state import Applied
from enforcer.mcp.sessions import Session
from enforcer.pipeline import listen, open_streams
from enforcer.pipeline.client import Client
from enforcer.pipeline.run import handle
from enforcer.policy.index import Index, build_index
from tests.enforcer.pipeline.workbench import MODERN, Workbench, applied, request, token
from tests.vectors.make import a_snapshot

TAG = {"io.modelcontextprotocol/subscriptionId": 7}
CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
KILLED = applied(kill_switches=(KillSwitch(id="k1", target="tool:files/fs_read"),))
SHOWN: dict[str, Any] = {"name": "fs_read", "inputSchema": a_snapshot().tools[0].input_schema}


class Listener:
    """A client that listens; `events` are the messages, `done` the end of its connection."""

    def __init__(self, bench: Workbench) -> None:
        self.bench, self.events, self.status = bench, list[dict[str, Any]](), 0
        self.headers: dict[str, str] = {}
        self.keep_alives = 0
        self.done = False
        self._left, self._told = asyncio.Event(), asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    def modern(self, notifications: dict[str, Any] | None = None, bearer: str = "") -> "Listener":
        meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
        params = {"notifications": notifications or {"toolsListChanged": True}, "_meta": meta}
        body = {"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen", "params": params}
        named = {"mcp-protocol-version": MODERN, "mcp-method": "subscriptions/listen"}
        return self._start("POST", named, json.dumps(body).encode(), bearer)

    def legacy(self, session: Session) -> "Listener":
        return self._start("GET", {"mcp-session-id": session.id, "mcp-protocol-version": "2025-11-25"}, b"", "")

    def _start(self, method: str, named: dict[str, str], body: bytes, bearer: str) -> "Listener":
        usual = {
            "host": "gate",
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            "authorization": f"Bearer {bearer or token()}",
        }
        self._task = asyncio.get_running_loop().create_task(self._run(method, {**usual, **named}, body))
        return self

    async def _run(self, method: str, headers: dict[str, str], body: bytes) -> None:
        client = Client(self._receive, self._send)
        await client.answer(await handle(self.bench.gate, "files", request(method, headers, body), client))

    async def _receive(self) -> MutableMapping[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        async with self._told:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                self._read(message.get("body", b""))
                self.done = not message.get("more_body", False)
            self._told.notify_all()

    def _read(self, body: bytes) -> None:
        if self.headers["content-type"] == "application/json":
            self.events.append(json.loads(body))
        self.keep_alives += body.startswith(b":")
        self.events += [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: ")]

    async def until(self, events: int = 0, *, done: bool = False, keep_alives: int = 0) -> "Listener":
        async with asyncio.timeout(5), self._told:
            await self._told.wait_for(
                lambda: len(self.events) >= events and self.keep_alives >= keep_alives and (self.done or not done)
            )
        return self

    async def leave(self) -> None:
        self._left.set()
        assert self._task is not None
        await self._task


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setattr(listen, "SPREAD_S", 0.0)
    made = Workbench(tmp_path)
    made.gate.catalog("files").learn(applied().index, [SHOWN])
    return made


def a_session(bench: Workbench) -> Session:
    session = bench.gate.sessions.open(("drawbridge", "ada"), "files", time.time())
    bench.gate.sessions.established(session, protocol_version="2025-11-25", upstream_session_id=None)
    return session


def with_window(*, ends: float) -> Applied:
    """The policy, its one grant ending then."""
    now = applied()
    text = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(ends))
    grant = msgspec.structs.replace(now.index.snapshot.grants[0], not_after=text)
    index = build_index(msgspec.structs.replace(now.index.snapshot, grants=(grant,)))
    assert isinstance(index, Index)
    return replace(now, index=index)


async def test_a_modern_listener_is_told_what_it_gets_and_hears_of_a_change_under_its_own_id(bench: Workbench) -> None:
    one = await Listener(bench).modern({"toolsListChanged": True, "promptsListChanged": True}).until(1)
    assert one.headers["content-type"] == "text/event-stream"
    assert one.events[0]["method"] == "notifications/subscriptions/acknowledged"
    assert one.events[0]["params"] == {"notifications": {"toolsListChanged": True}, "_meta": TAG}
    bench.change(KILLED)
    await one.until(2)
    bench.change(applied())
    await one.until(3)
    assert one.events[1:] == [{**CHANGED, "params": {"_meta": TAG}}] * 2
    await one.leave()


async def test_a_change_of_policy_that_changes_nothing_for_the_caller_is_not_told(bench: Workbench) -> None:
    one = await Listener(bench).modern().until(1)
    other = applied(revoked_principals=(RevokedPrincipal(subject="eve", issuer="drawbridge"),))
    bench.change(other)
    bench.change(KILLED)
    await one.until(2)
    assert len(one.events) == 2
    await one.leave()


async def test_who_asked_for_nothing_of_ours_hears_nothing(bench: Workbench) -> None:
    one = await Listener(bench).modern({"promptsListChanged": True}).until(1)
    assert one.events[0]["params"]["notifications"] == {}
    bench.change(KILLED)
    bench.gate.streams.end_all("the gate stops")
    await one.until(done=True)
    assert [e.get("method", "result") for e in one.events[1:]] == ["result"]


async def test_a_tool_that_is_another_one_upstream_is_told(bench: Workbench) -> None:
    one = await Listener(bench).modern().until(1)
    bench.gate.catalog("files").learn(applied().index, [{**SHOWN, "description": "Rather another one."}])
    await one.until(2)
    await one.leave()


async def test_a_session_hears_at_once_what_changed_while_its_stream_was_closed(bench: Workbench) -> None:
    session = a_session(bench)
    await (await Listener(bench).legacy(session).until(keep_alives=1)).leave()
    bench.change(KILLED)
    again = await Listener(bench).legacy(session).until(1)
    assert again.events == [CHANGED]
    await again.leave()
    once_more = await Listener(bench).legacy(session).until(keep_alives=1)
    await once_more.leave()
    assert once_more.events == []


async def test_a_grant_whose_time_is_up_is_told_without_any_news(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = float(int(time.time()) + 2)
    bench.change(with_window(ends=ends))
    one = await Listener(bench).modern().until(1)
    await one.until(2)
    assert time.time() >= ends
    await one.leave()


async def test_a_silent_stream_is_kept_alive(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "KEEP_ALIVE_S", 0.02)
    one = await Listener(bench).modern().until(1, keep_alives=3)
    assert len(one.events) == 1
    await one.leave()


@pytest.mark.parametrize(
    ("incident", "code"),
    [
        ({"kill_switches": (KillSwitch(id="k1", target="server:files"),)}, "DENY_KILL_SWITCH"),
        ({"kill_switches": (KillSwitch(id="k1", target="all"),)}, "DENY_KILL_SWITCH"),
        ({"kill_switches": (KillSwitch(id="k1", target="principal:ada"),)}, "DENY_KILL_SWITCH"),
        ({"kill_switches": (KillSwitch(id="k1", target="enforcer:probe"),)}, "DENY_KILL_SWITCH"),
        ({"revoked_principals": (RevokedPrincipal(subject="ada", issuer="drawbridge"),)}, "DENY_INVALID_TOKEN"),
        ({"revoked_tokens": ("t-1",)}, "DENY_INVALID_TOKEN"),
        ({"quarantined": ("principal:ada",)}, "DENY_NO_PERMISSION"),
    ],
)
@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_stream_ends_with_what_its_caller_may(
    bench: Workbench, incident: dict[str, Any], code: str, era: str
) -> None:
    one = Listener(bench)
    await (one.modern().until(1) if era == "modern" else one.legacy(a_session(bench)).until(keep_alives=1))
    bench.change(applied(**incident))
    await one.until(done=True)
    assert bench.gate.flights.stopping("files") == 0, "not drained before its receipt"
    assert bench.link.beats == 1, "and then the fleet hears it at once"
    if era == "modern":
        assert one.events[-1]["id"] == 7
        assert one.events[-1]["error"]["code"] == -32003
        assert one.events[-1]["error"]["data"]["reason_codes"][0] in (code, "DENY_NO_MATCHING_RULE")
    else:
        assert one.events == []
    (receipt,) = bench.receipts()
    assert (receipt["decision"]["result"], receipt["decision"]["reason_codes"][0]) == ("deny", code)
    assert receipt["outcome"]["detail"] == "stopped"


async def test_a_quarantined_session_has_no_stream_any_more(bench: Workbench) -> None:
    session, other = a_session(bench), a_session(bench)
    one = await Listener(bench).legacy(session).until(keep_alives=1)
    two = await Listener(bench).legacy(other).until(keep_alives=1)
    bench.change(applied(quarantined=(f"session:{session.id}",)))
    await one.until(done=True)
    assert not two.done
    await two.leave()


async def test_policy_that_is_gone_or_too_old_ends_a_stream(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await Listener(bench).modern().until(1)
    bench.change(None)
    await one.until(done=True)
    assert one.events[-1]["error"]["data"]["reason_codes"] == ["DENY_POLICY_UNAVAILABLE"]
    bench.change(applied())
    monkeypatch.setattr(listen, "KEEP_ALIVE_S", 0.02)
    two = await Listener(bench).modern().until(1)
    bench.link.age = 1_000_000.0
    await two.until(done=True)
    assert two.events[-1]["error"]["data"]["reason_codes"] == ["DENY_POLICY_STALE"]


async def test_a_stream_does_not_outlive_its_token(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "KEEP_ALIVE_S", 0.02)
    one = await Listener(bench).modern(bearer=token(ttl_s=5)).until(1, keep_alives=2)
    later = time.time() + 5 + LEEWAY_S
    bench.gate.wall = lambda: later
    await one.until(done=True)
    assert one.events[-1] == {"jsonrpc": "2.0", "id": 7, "result": {"resultType": "complete", "_meta": TAG}}
    (receipt,) = bench.receipts()
    assert receipt["outcome"]["detail"] == "the token is not accepted any more: it has expired"


async def test_a_key_that_no_longer_counts_ends_the_streams_of_its_tokens(bench: Workbench) -> None:
    one = await Listener(bench).modern().until(1)
    now = applied()
    changed = msgspec.structs.replace(now.index.snapshot, token_keys=(), version=now.index.snapshot.version + 1)
    index = build_index(changed)
    assert isinstance(index, Index)
    bench.change(replace(now, index=index))
    await one.until(done=True)
    assert one.events[-1]["result"]["_meta"] == TAG


async def test_the_end_of_a_session_ends_its_stream_and_a_second_stream_takes_the_place_of_the_first(
    bench: Workbench,
) -> None:
    session = a_session(bench)
    one = await Listener(bench).legacy(session).until(keep_alives=1)
    two = await Listener(bench).legacy(session).until(keep_alives=1)
    await one.until(done=True)
    assert session.streams == 1
    bench.gate.streams.end_session(session)
    await two.until(done=True)
    assert session.streams == 0
    assert bench.gate.streams.count("files") == 0
    details = [receipt["outcome"]["detail"] for receipt in bench.receipts()]
    assert details == ["another stream of the session took its place", "the session ended"]


async def test_a_session_with_an_open_stream_is_in_use(bench: Workbench) -> None:
    session = a_session(bench)
    one = await Listener(bench).legacy(session).until(keep_alives=1)
    much_later = time.time() + 100_000
    bench.gate.sessions.expire(much_later)
    assert len(bench.gate.sessions) == 1
    await one.leave()
    assert session.seen >= time.time() - 5
    bench.gate.sessions.expire(much_later)
    assert len(bench.gate.sessions) == 0


async def test_a_principal_has_so_many_streams_and_no_more(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "MAX_OF_PRINCIPAL", 1)
    one = await Listener(bench).modern().until(1)
    two = await Listener(bench).modern().until(done=True)
    assert two.events[0]["error"]["data"]["reason_codes"] == ["DENY_RATE_LIMIT"]
    await one.leave()
    three = await Listener(bench).modern().until(1)
    await three.leave()


async def test_the_stop_of_the_gate_ends_every_stream_and_refuses_none_a_receipt(bench: Workbench) -> None:
    one = await Listener(bench).modern().until(1)
    bench.gate.streams.end_all("the gate stops")
    await one.until(done=True)
    late = await Listener(bench).modern().until(done=True)
    assert "result" in late.events[-1]
    assert [receipt["outcome"]["detail"] for receipt in bench.receipts()] == ["the gate stops"] * 2


async def test_each_stream_leaves_one_receipt_that_says_how_long_and_why_it_ended(bench: Workbench) -> None:
    one = await Listener(bench).modern().until(1)
    assert bench.gate.streams.count("files") == 1
    assert bench.gate.flights.count("files") == 0, "a stream is no message that waits"
    await one.leave()
    (receipt,) = bench.receipts()
    assert receipt["receipt_type"] == "access_receipt" or receipt["mcp"]["method"] == "subscriptions/listen"
    assert receipt["decision"]["result"] == "allow"
    outcome = receipt["outcome"]
    assert (outcome["status"], outcome["detail"]) == ("success", "the client left")
    assert outcome["duration_ms"] >= 0
    assert outcome["size_bytes_out"] > 0
    assert bench.server.sent == [], "nothing of it reaches the server"


async def test_without_a_journal_there_is_no_stream(bench: Workbench) -> None:
    bench.journal.close()
    one = await Listener(bench).modern().until(done=True)
    assert one.events[0]["error"]["data"]["reason_codes"] == ["DENY_AUDIT_UNAVAILABLE"]


async def test_a_stranger_hears_nothing(bench: Workbench) -> None:
    one = await Listener(bench).modern(bearer="no token").until(done=True)
    assert one.status == 401
