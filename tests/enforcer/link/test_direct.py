"""Asking the control plane itself: when, how, and what a bad answer does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from enforcer.link import direct
from enforcer.link.direct import Direct
from tests.enforcer.link import publisher
from tests.enforcer.link.parts import ENFORCER, ENFORCER_KEY, ControlPlane, running, until
from tests.enforcer.link.publisher import SERVER, FakeTime, Gate, envelopes, incident, lease, snapshot


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of a test's length."""
    for name, value in (("PAUSE_S", 0.02), ("MAX_PAUSE_S", 0.1), ("LOOK_S", 0.01), ("TIMEOUT_S", 0.5)):
        monkeypatch.setattr(direct, name, value)


@pytest.fixture
async def plane() -> AsyncIterator[ControlPlane]:
    """It answers with the good bundle, the nonce echoed."""
    async with ControlPlane(publisher.bundle).serving() as made:
        yield made


def asker(gate: Gate, url: str) -> Direct:
    return Direct(url, ENFORCER_KEY, ENFORCER, (SERVER,), gate.holdings, gate.notes)


def count_looks(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows each time that the asker looks whether it is needed."""
    looks: list[str] = []
    real = gate.holdings.quiet_s
    monkeypatch.setattr(
        gate.holdings, "quiet_s", lambda server, source: (looks.append(server), real(server, source))[1]
    )
    return looks


async def more_of(looks: list[str]) -> None:
    """Until it looked some more times."""
    wanted = len(looks) + 10
    await until(lambda: len(looks) >= wanted)


async def test_a_first_start_opens_with_an_echoed_nonce(tmp_path: Path, plane: ControlPlane) -> None:
    gate = Gate(tmp_path, FakeTime())
    nonce = gate.holdings.nonce(SERVER)
    async with running(asker(gate, plane.url).run()):
        await until(lambda: gate.state == (7, 5, 10))
    assert plane.asked[0] == {"server": SERVER, "nonce": nonce}
    assert gate.holdings.nonce(SERVER) is None


async def test_an_old_answer_played_again_opens_nothing(tmp_path: Path, plane: ControlPlane) -> None:
    plane.answer = lambda _nonce: publisher.bundle("an older nonce")
    gate = Gate(tmp_path, FakeTime())
    async with running(asker(gate, plane.url).run()):
        await until(lambda: len(plane.asked) > 3)
    assert gate.state is None


async def test_nobody_is_asked_while_redis_has_news(
    tmp_path: Path, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = await Gate(tmp_path, FakeTime()).start()
    await gate.offer(envelopes(lease(11)))
    looks = count_looks(gate, monkeypatch)
    async with running(asker(gate, plane.url).run()):
        await more_of(looks)
        gate.time.pass_s(2.9)
        await more_of(looks)
    assert plane.asked == []


async def test_past_three_seconds_of_silence_it_asks_until_redis_has_news_again(
    tmp_path: Path, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = await Gate(tmp_path, FakeTime()).start()
    await gate.offer(envelopes(lease(11)))
    looks = count_looks(gate, monkeypatch)
    plane.answer = lambda _nonce: envelopes(publisher.key_list(), snapshot(), incident(6), lease(12))
    gate.time.pass_s(3.1)
    async with running(asker(gate, plane.url).run()):
        await until(lambda: gate.state == (7, 6, 12))
        await until(lambda: len(plane.asked) > 3)
        assert plane.asked[0] == {"server": SERVER}
        await gate.offer(envelopes(lease(13)))
        await more_of(looks)
        asked = len(plane.asked)
        await more_of(looks)
        assert len(plane.asked) == asked


def redirect() -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/elsewhere"})


BAD = {
    "a redirect": (redirect, "answers 302"),
    "an error": (lambda: web.Response(status=503, text="secret inner text"), "answers 503"),
    "not JSON": (lambda: web.Response(text="<html>"), "not JSON"),
    "a key twice": (lambda: web.Response(text='{"keys": {}, "keys": {}}'), "same key twice"),
    "too much": (lambda: web.Response(body=b"[" + b" " * direct.MAX_ANSWER), "bytes"),
    "nothing to sign": (lambda: web.json_response({"keys": {}, "lease": 1, "x": []}), "not an envelope"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_answer_changes_nothing_and_is_reported(name: str, tmp_path: Path, plane: ControlPlane) -> None:
    plane.raw, expected = BAD[name]
    gate = Gate(tmp_path, FakeTime())
    async with running(asker(gate, plane.url).run()):
        await until(lambda: any(expected in p for p in gate.problems))
        assert gate.state is None
        assert not any("secret inner text" in p for p in gate.problems)
        plane.raw = None
        await until(lambda: gate.state == (7, 5, 10))


async def test_an_answer_that_never_comes_is_given_up(tmp_path: Path) -> None:
    gate = Gate(tmp_path, FakeTime())
    hang = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hang.wait()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with running(asker(gate, url).run()):
        await until(lambda: any("Timeout" in p for p in gate.problems), 5)
    hang.set()
    server.close()


async def test_a_control_plane_that_is_away_is_asked_again(tmp_path: Path) -> None:
    gate = Gate(tmp_path, FakeTime())
    plane = ControlPlane(publisher.bundle)
    async with plane.serving():
        url = plane.url
    async with running(asker(gate, url).run()):
        await until(lambda: any("control plane" in p for p in gate.problems))
        async with plane.serving(int(url.rpartition(":")[2])):
            await until(lambda: gate.state == (7, 5, 10))
