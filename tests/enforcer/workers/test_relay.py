"""A request goes to the worker that its session names, as it came; where that one is gone, it stays here."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from enforcer.mcp.ids import new_session_id, worker_of
from enforcer.mcp.requests import HttpRequest
from enforcer.pipeline.client import Receive, Send
from enforcer.workers import relay
from enforcer.workers.home import home_of
from enforcer.workers.relay import Relay

Message = MutableMapping[str, Any]


class Owner:
    """The worker that has the session; it answers in two parts, or holds on until the client is gone."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, HttpRequest]] = []
        self.holds = self.fails = False
        self.gone = asyncio.Event()

    async def serve(self, server_id: str, request: HttpRequest, receive: Receive, send: Send) -> None:
        self.requests.append((server_id, request))
        if self.fails:
            return
        await send({"type": "http.response.start", "status": 207, "headers": [(b"x", b"1"), (b"x", b"2")]})
        await send({"type": "http.response.body", "body": b"a" * 300_000, "more_body": True})
        if self.holds:
            assert (await receive())["type"] == "http.disconnect"
            self.gone.set()
            return
        await send({"type": "http.response.body", "body": b"b"})


class Client:
    """What it got, and whether it is still there."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.leaves, self.began = asyncio.Event(), asyncio.Event()

    async def receive(self) -> Message:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.got.append(message)
        self.began.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got)


def asking(*sessions: str) -> HttpRequest:
    headers = tuple((b"mcp-session-id", session.encode()) for session in sessions)
    return HttpRequest("POST", "/mcp/files", b"q=1", ((b"host", b"gate"), (b"host", b"other"), *headers), b"\xff{}")


@asynccontextmanager
async def second(directory: Path, owner: Owner) -> AsyncIterator[None]:
    home_of(directory, 2)
    async with Relay(2, directory / "workers").serving(owner.serve):
        yield


@pytest.fixture
def first(tmp_path: Path) -> Relay:
    return Relay(1, tmp_path / "workers")


def test_a_session_names_its_worker_and_without_workers_none() -> None:
    assert worker_of(new_session_id(7)) == 7
    assert worker_of(new_session_id()) == 0
    assert {worker_of(odd) for odd in ("w0.a", "w.a", "w1234.a", "W1.a", "w01.a", "w1a", "", "w\u0661.a")} == {0}


async def test_the_request_arrives_as_it_came_and_the_answer_as_it_was_given(tmp_path: Path, first: Relay) -> None:
    owner, client = Owner(), Client()
    async with second(tmp_path, owner):
        assert await first.forward("files", asking("w2.a"), client.receive, client.send)
    assert owner.requests == [("files", asking("w2.a"))]
    assert (client.got[0]["status"], client.got[0]["headers"]) == (207, [(b"x", b"1"), (b"x", b"2")])
    assert client.body == b"a" * 300_000 + b"b"
    assert client.got[-1]["more_body"] is False


@pytest.mark.parametrize("sessions", [(), ("w1.own",), ("w3.gone",), ("x",), ("w2.a", "w2.a")])
async def test_what_names_no_other_worker_that_runs_stays_here(
    tmp_path: Path, first: Relay, sessions: tuple[str, ...]
) -> None:
    owner, client = Owner(), Client()
    async with second(tmp_path, owner):
        assert not await first.forward("files", asking(*sessions), client.receive, client.send)
    assert (owner.requests, client.got) == ([], [])


async def test_a_worker_that_was_killed_leaves_a_socket_on_which_nobody_listens(tmp_path: Path, first: Relay) -> None:
    (home_of(tmp_path, 2) / relay.NAME).write_bytes(b"")
    client = Client()
    assert not await first.forward("files", asking("w2.a"), client.receive, client.send)
    owner = Owner()
    async with second(tmp_path, owner):  # started anew, it listens there again
        assert await first.forward("files", asking("w2.a"), client.receive, client.send)


async def test_a_client_that_leaves_is_heard_of_by_the_worker_that_answers(tmp_path: Path, first: Relay) -> None:
    owner, client = Owner(), Client()
    owner.holds = True
    async with second(tmp_path, owner), asyncio.TaskGroup() as tasks:
        tasks.create_task(first.forward("files", asking("w2.a"), client.receive, client.send))
        await client.began.wait()
        client.leaves.set()
        async with asyncio.timeout(5):
            await owner.gone.wait()


async def test_an_owner_that_answers_nothing_is_a_bad_gateway(tmp_path: Path, first: Relay) -> None:
    owner, client = Owner(), Client()
    owner.fails = True
    async with second(tmp_path, owner):
        assert await first.forward("files", asking("w2.a"), client.receive, client.send)
    assert client.got[0]["status"] == 502


async def test_what_was_begun_may_end_before_the_worker_does(tmp_path: Path, first: Relay) -> None:
    owner, client = Owner(), Client()
    owner.holds = True
    async with asyncio.TaskGroup() as tasks:
        async with second(tmp_path, owner):
            tasks.create_task(first.forward("files", asking("w2.a"), client.receive, client.send))
            await client.began.wait()
            asyncio.get_running_loop().call_later(0.2, client.leaves.set)
        assert owner.gone.is_set()


async def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    owner, client = Owner(), Client()
    async with second(deep, owner):
        assert await Relay(1, deep / "workers").forward("files", asking("w2.a"), client.receive, client.send)
