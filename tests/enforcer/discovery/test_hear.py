"""A server's own word that its tools changed, over bytes as servers send them."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest

from enforcer.contract.snapshot import Credential
from enforcer.contract.strict_json import JsonObject
from enforcer.discovery import hear as hearing
from enforcer.discovery.hear import hear
from enforcer.mcp.eras import Era
from enforcer.mcp.upstream.http import HttpUpstream
from tests.enforcer.mcp.upstream.conftest import LOOPBACK, Answer, RawServer, reply, stream
from tests.enforcer.pipeline.parts import SCHEMA, Bench
from tests.support.processes import wait_for

CHANGED = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
OTHER = '{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}'
PING = '{"jsonrpc":"2.0","id":5,"method":"ping"}'
SAMPLE = '{"jsonrpc":"2.0","id":6,"method":"sampling/createMessage","params":{}}'
ACCEPTED = reply(b"", status="202 Accepted", content_type="")
NOT_ALLOWED = reply(b"no", status="405 Method Not Allowed", content_type="text/plain")
LIVE: JsonObject = {"name": "fs_read", "inputSchema": SCHEMA}


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RawServer]:
    monkeypatch.setattr(hearing, "AGAIN_S", 0.01)
    monkeypatch.setattr(hearing, "TURN_S", 0.01)
    raw = RawServer()
    listening = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp"
    yield raw
    listening.close()


class Behind:
    """A server behind a URL."""

    def __init__(self, url: str) -> None:
        self.http = HttpUpstream(url, fetch_allow=[LOOPBACK])

    async def upstream(self, _snapshot: object) -> HttpUpstream:
        return self.http


class Ears:
    """`hear`, running, of a server whose list was seen in this era."""

    def __init__(self, server: RawServer, era: Era, session_id: str | None = "s1") -> None:
        self.bench, self.behind = Bench(), Behind(server.url)
        self.bench.gate.servers = {"files": self.behind}  # type: ignore[dict-item, misc]
        self.catalog, lister = self.bench.gate.catalog("files"), self.bench.gate.lister("files")
        policy = self.bench.link.applied
        assert policy is not None
        self.catalog.learn(policy.index, [LIVE])
        lister.era, lister.session_id = era, session_id

    async def __aenter__(self) -> "Ears":
        self.task = asyncio.ensure_future(hear(self.bench.gate, "files"))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.behind.http.close()

    async def told(self) -> bool:
        """Within a second."""
        try:
            async with asyncio.timeout(1):
                await self.catalog.wanted.wait()
        except TimeoutError:
            return False
        return True


def hanging(*events: str) -> Answer:
    """A stream that says this and stays open."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(stream(*events, end=False))
        await writer.drain()
        await reader.read()

    return answer


async def until(found: list[bytes], number: int) -> None:
    await asyncio.to_thread(wait_for, lambda: len(found) >= number, f"{number} requests", timeout_s=5)


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_change_is_heard(server: RawServer, era: Era) -> None:
    server.answers = [hanging(OTHER, CHANGED)]
    async with Ears(server, era) as ears:
        assert await ears.told()
    method, _, body = server.requests[0].partition(b"\r\n\r\n")
    if era == "modern":
        assert json.loads(body)["params"]["notifications"] == {"toolsListChanged": True}
        assert b"mcp-method: subscriptions/listen" in method.lower()
    else:
        assert method.startswith(b"GET /mcp ")
        assert (server.head(0)["accept"], server.head(0)["mcp-session-id"]) == ("text/event-stream", "s1")
        assert "content-type" not in server.head(0)


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_what_says_nothing_of_tools_is_passed_over(server: RawServer, era: Era) -> None:
    server.answers = [hanging(OTHER)]
    async with Ears(server, era) as ears:
        await until(server.requests, 1)
        assert not await ears.told()


async def test_a_server_s_ping_is_answered_and_whatever_else_it_asks_is_refused(server: RawServer) -> None:
    server.answers = [hanging(PING, SAMPLE, CHANGED), ACCEPTED]
    async with Ears(server, "legacy") as ears:
        await until(server.requests, 3)
        assert await ears.told()
    said = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests[1:]]
    assert said[0] == {"jsonrpc": "2.0", "id": 5, "result": {}}
    assert (said[1]["id"], said[1]["error"]["code"]) == (6, -32601)


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_stream_that_broke_is_opened_again_and_the_list_looked_at(server: RawServer, era: Era) -> None:
    server.answers = [stream(OTHER), hanging()]
    async with Ears(server, era) as ears:
        assert await ears.told()
        await until(server.requests, 2)


@pytest.mark.parametrize(
    ("era", "answer"),
    [
        ("legacy", NOT_ALLOWED),
        ("legacy", reply(b"{}")),
        ("modern", NOT_ALLOWED),
        (
            "modern",
            reply(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no"}}', status="404 Not Found"),
        ),
    ],
)
async def test_a_server_that_offers_none_is_left_alone(server: RawServer, era: Era, answer: bytes) -> None:
    server.answers = [answer]
    async with Ears(server, era) as ears:
        await until(server.requests, 1)
        assert not await ears.told()
        assert len(server.requests) == 1


async def test_garbage_and_floods_end_the_stream_and_nothing_else(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "MAX_BYTES", 2_000)
    monkeypatch.setattr(hearing, "NOT_OFFERED_S", 0.01)
    server.answers = [stream("{]"), stream("x" * 5_000), stream(CHANGED, CHANGED)]
    async with Ears(server, "modern") as ears:
        await until(server.requests, 3)
        assert await ears.told()
        assert not ears.task.done()


async def test_nothing_is_heard_of_a_server_that_was_never_listed(server: RawServer) -> None:
    server.answers = [hanging(CHANGED)]
    ears = Ears(server, "modern")
    ears.bench.gate.lister("files").era = None
    async with ears:
        assert not await ears.told()
    assert server.requests == []


async def test_nothing_is_sent_once_nobody_stands_for_a_credential(server: RawServer) -> None:
    server.answers = [hanging(CHANGED)]
    ears = Ears(server, "modern")
    policy = ears.bench.link.applied
    assert policy is not None
    unset = msgspec.structs.replace(policy.index.snapshot.server, credential=Credential())
    index = replace(policy.index, snapshot=msgspec.structs.replace(policy.index.snapshot, server=unset))
    ears.bench.link.applied = replace(policy, index=index)
    async with ears:
        assert not await ears.told()
    assert server.requests == []


async def test_a_process_is_not_listened_to_over_http() -> None:
    bench = Bench()
    policy = bench.link.applied
    assert policy is not None
    bench.gate.catalog("files").learn(policy.index, [LIVE])
    bench.gate.lister("files").era = "modern"
    async with asyncio.timeout(5):
        await hear(bench.gate, "files")
    assert bench.server.seen == []
