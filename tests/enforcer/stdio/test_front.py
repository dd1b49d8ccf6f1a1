"""Lines through the real pipeline and journal, a client in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from enforcer.contract.incident import KillSwitch
from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import UpstreamRequest
from enforcer.stdio import front
from enforcer.stdio.front import Front
from enforcer.stdio.requests import read_line, request_of
from tests.enforcer.pipeline.workbench import MODERN, Workbench, applied, honest, token
from tests.support.processes import wait_for

META: JsonObject = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
CHANGED = "notifications/tools/list_changed"


class Pipes:
    """A client, the front of a workbench's gate, and what was written."""

    def __init__(self, bench: Workbench, *, signed_in: bool = True) -> None:
        bench.gate.allowed_hosts = frozenset({"gate.example"})
        self.bench, self.lines, self.written = bench, asyncio.Queue[bytes | None](), list[dict[str, Any]]()
        self.front = Front(bench.gate, "files", lambda: token() if signed_in else None, self._write)
        self.front._public_url = "http://gate.example"

    async def _write(self, raw: bytes) -> None:
        assert b"\n" not in raw
        self.written.append(json.loads(raw))

    def say(self, message: JsonObject | bytes) -> None:
        self.lines.put_nowait(message if isinstance(message, bytes) else json.dumps(message).encode())

    def close(self) -> None:
        self.lines.put_nowait(None)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Pipes"]:
        task = asyncio.ensure_future(self.front.serve(self.lines))
        try:
            yield self
        finally:
            self.close()
            await asyncio.wait_for(task, 10)

    async def heard(self, number: int) -> list[dict[str, Any]]:
        await asyncio.to_thread(wait_for, lambda: len(self.written) >= number, f"{number} lines", timeout_s=5)
        return self.written


def call(number: Any, method: str = "tools/call", **more: Any) -> JsonObject:
    params = {"name": "fs_read", "arguments": {"path": "a"}} if method == "tools/call" else {}
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, **more, "_meta": META}}


async def slow(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
    """Lists at once, and never answers a call."""
    if request.message["method"] == "tools/call":
        await asyncio.Event().wait()
    async for message in honest(request):
        yield message


def codes(answer: dict[str, Any]) -> list[str]:
    return list(answer["error"]["data"]["reason_codes"])


async def test_a_call_is_answered_under_its_id(tmp_path: Path) -> None:
    async with Pipes(Workbench(tmp_path)).serving() as pipes:
        pipes.say(call("one"))
        (answer,) = await pipes.heard(1)
    assert (answer["id"], answer["result"]["content"][0]["text"]) == ("one", "done")


async def test_without_a_token_a_call_is_refused_and_leaves_a_receipt(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    async with Pipes(bench, signed_in=False).serving() as pipes:
        pipes.say(call(1))
        (answer,) = await pipes.heard(1)
    assert codes(answer) == ["DENY_NO_AUTHN"]
    assert (bench.server.calls(), len(bench.receipts())) == ([], 1)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"id":1,"id":2}', b"\xff", b"[" * 100, b'{"jsonrpc":"2.0"}'])
async def test_what_can_not_be_read_is_refused_and_leaves_a_receipt(tmp_path: Path, raw: bytes) -> None:
    bench = Workbench(tmp_path)
    async with Pipes(bench).serving() as pipes:
        pipes.say(raw)
        (answer,) = await pipes.heard(1)
        assert codes(answer)[0] in ("DENY_MALFORMED_REQUEST", "DENY_PAYLOAD_TOO_LARGE")
    assert (bench.server.sent, len(bench.receipts())) == ([], 1)


async def test_a_notification_has_no_answer_even_where_it_is_refused(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    async with Pipes(bench, signed_in=False).serving() as pipes:
        pipes.say({"jsonrpc": "2.0", "method": "notifications/anything"})
    assert (pipes.written, len(bench.receipts())) == ([], 1)


async def test_a_call_that_the_client_cancels_is_given_up_and_not_answered(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, slow)
    async with Pipes(bench).serving() as pipes:
        pipes.say(call(1))
        await asyncio.to_thread(wait_for, bench.server.calls, "the call at the server", timeout_s=5)
        pipes.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
    assert pipes.written == []
    assert [line["outcome"]["status"] for line in bench.receipts() if "outcome" in line] == ["error"]


async def test_the_number_one_and_the_text_one_are_two_ids(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, slow)
    async with Pipes(bench).serving() as pipes:
        pipes.say(call(1))
        pipes.say(call("1"))
        await asyncio.to_thread(wait_for, lambda: len(bench.server.calls()) == 2, "both calls", timeout_s=5)
        pipes.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "1"}})
        await asyncio.to_thread(wait_for, lambda: len(pipes.front._waiting) == 1, "one left", timeout_s=5)
        assert next(iter(pipes.front._waiting)) == ("int", 1)
        pipes.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})


async def test_what_is_asked_before_the_end_of_input_is_still_answered(tmp_path: Path) -> None:
    async with Pipes(Workbench(tmp_path)).serving() as pipes:
        for number in range(5):
            pipes.say(call(number))
    assert sorted(answer["id"] for answer in pipes.written) == [0, 1, 2, 3, 4]


async def test_what_never_ends_is_given_up_some_time_after_the_end_of_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "GRACE_S", 0.05)
    bench = Workbench(tmp_path, slow)
    async with Pipes(bench).serving() as pipes:
        pipes.say(call(1))
        await asyncio.to_thread(wait_for, bench.server.calls, "the call at the server", timeout_s=5)
    assert pipes.written == []


async def test_a_listening_client_hears_of_a_change_and_of_the_end(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    bench.gate.catalog("files").learn(applied().index, [])
    async with Pipes(bench).serving() as pipes:
        pipes.say(call(7, "subscriptions/listen", notifications={"toolsListChanged": True}))
        (first,) = await pipes.heard(1)
        assert first["method"] == "notifications/subscriptions/acknowledged"
        bench.change(applied(kill_switches=(KillSwitch(id="k1", target="server:files"),)))
        last = (await pipes.heard(2))[-1]
    assert (last["id"], codes(last)[0]) == (7, "DENY_KILL_SWITCH")


async def test_more_requests_than_are_served_at_once_wait_for_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "AT_ONCE", 2)
    async with Pipes(Workbench(tmp_path)).serving() as pipes:
        for number in range(20):
            pipes.say(call(number))
        assert len(await pipes.heard(20)) == 20


def test_headers_are_made_from_the_line_alone() -> None:
    line = read_line(json.dumps(call(1)).encode())
    made = request_of(line, token="t", public_url="http://gate.example:1", session=None, declared=())
    assert dict(made.headers) == {
        b"host": b"gate.example:1", b"accept": b"application/json, text/event-stream", b"authorization": b"Bearer t",
        b"content-type": b"application/json", b"mcp-protocol-version": MODERN.encode(), b"mcp-method": b"tools/call",
        b"mcp-name": b"fs_read",
    }  # fmt: skip
    assert made.body == line.raw
