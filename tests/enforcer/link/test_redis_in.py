"""Reading from a real Valkey, with the rights of an enforcer's user, while it is cut, frozen, flushed and hostile."""

import asyncio
import time
from pathlib import Path

import pytest

from enforcer.contract import redis_names
from enforcer.link import redis_in
from enforcer.link.hooks import Hooks
from enforcer.link.redis_in import RedisIn, connector
from enforcer.link.state import Envelopes
from enforcer.link.verify import MAX_BYTES, Kind
from tests.enforcer.link import publisher
from tests.enforcer.link.parts import ENFORCER, USER, Proxy, Valkey, running, until
from tests.enforcer.link.publisher import SERVER, FakeTime, Gate, envelopes, incident, key, lease, sealed, snapshot

KILL = envelopes(incident(6, kills=("all",)))


@pytest.fixture
async def gate(tmp_path: Path) -> Gate:
    """One that runs on snapshot 7, incident state 5, lease 10."""
    return await Gate(tmp_path, FakeTime()).start()


@pytest.fixture
def never_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives came by a hint."""
    monkeypatch.setattr(redis_in, "TICK_S", 1000.0)


def reader(gate: Gate, valkey: Valkey, url: str = "", acks: list[bytes] | None = None) -> RedisIn:
    hooks = Hooks(on_ack=(acks if acks is not None else []).append)
    connect = connector(url or valkey.url, valkey.password_file)
    return RedisIn(connect, ENFORCER, (SERVER,), gate.holdings, gate.notes, hooks)


def subscribed(valkey: Valkey) -> bool:
    return bool(valkey.admin.pubsub_channels(redis_names.changed(SERVER)))


def gets(valkey: Valkey) -> int:
    return int(valkey.admin.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"])


async def test_what_the_publisher_wrote_is_applied(gate: Gate, valkey: Valkey) -> None:
    new = (snapshot(8), incident(6))
    valkey.put(envelopes(publisher.key_list(), *new, lease(11, of=new)))
    async with running(reader(gate, valkey).run()):
        await until(lambda: gate.state == (8, 6, 11))
    assert gate.problems == ()


@pytest.mark.usefixtures("never_ticks")
async def test_a_hint_brings_a_kill_at_once(gate: Gate, valkey: Valkey) -> None:
    valkey.put(publisher.bundle())
    async with running(reader(gate, valkey).run()):
        await until(lambda: subscribed(valkey))
        began = time.monotonic()
        valkey.put(KILL, hint=True)
        await until(lambda: gate.state == (7, 6, 10))
        assert time.monotonic() - began < 0.5


async def test_a_kill_without_a_hint_comes_with_the_next_tick(gate: Gate, valkey: Valkey) -> None:
    async with running(reader(gate, valkey).run()):
        await until(lambda: subscribed(valkey))
        valkey.put(KILL)
        await until(lambda: gate.state == (7, 6, 10), 2.5)


@pytest.mark.usefixtures("never_ticks")
async def test_many_hints_cost_one_look(gate: Gate, valkey: Valkey) -> None:
    valkey.put(publisher.bundle())
    async with running(reader(gate, valkey).run()):
        await until(lambda: subscribed(valkey))
        await until(lambda: gets(valkey) > 3)
        before = gets(valkey)
        pipeline = valkey.admin.pipeline()
        for _ in range(500):
            pipeline.publish(redis_names.changed(SERVER), b"x")
        pipeline.execute()
        valkey.put(KILL, hint=True)
        await until(lambda: gate.state == (7, 6, 10))
        assert gets(valkey) - before < 50


async def test_a_flushed_redis_takes_nothing_away(gate: Gate, valkey: Valkey) -> None:
    valkey.put(publisher.bundle())
    async with running(reader(gate, valkey).run()):
        await until(lambda: subscribed(valkey))
        valkey.admin.flushall()
        valkey.put(KILL)
        await until(lambda: gate.state == (7, 6, 10))


async def test_a_restarted_redis_is_found_again_and_read_whole(gate: Gate, valkey: Valkey) -> None:
    async with running(reader(gate, valkey).run()):
        await until(lambda: subscribed(valkey))
        valkey.stop()
        await until(lambda: any("policy redis" in p for p in gate.problems))
        assert gate.state == (7, 5, 10)
        valkey.start()
        valkey.put(KILL)
        await until(lambda: gate.state == (7, 6, 10))


async def test_a_frozen_redis_blocks_nothing_and_is_read_after_the_thaw(gate: Gate, valkey: Valkey) -> None:
    async with running(reader(gate, valkey).run()):
        await until(lambda: subscribed(valkey))
        valkey.freeze()
        await until(lambda: any("Timeout" in p for p in gate.problems), 6)
        valkey.thaw()
        valkey.put(KILL)
        await until(lambda: gate.state == (7, 6, 10))


async def test_a_subscription_that_fell_silent_is_opened_anew(
    gate: Gate, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_in, "TICK_S", 0.2)
    monkeypatch.setattr(redis_in, "SILENCE_S", 0.5)
    async with Proxy(valkey.port).serving() as proxy:
        url = f"redis://{USER}@127.0.0.1:{proxy.port}/0"
        async with running(reader(gate, valkey, url).run()):
            await until(lambda: subscribed(valkey))
            proxy.muted = True
            await until(lambda: any("silent" in p for p in gate.problems), 5)
            proxy.muted = False
            valkey.put(KILL)
            await until(lambda: gate.state == (7, 6, 10))


WIDER = snapshot(8, tools=("fs_read", "fs_delete"))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (sealed(WIDER, key("stranger")), "snapshot: no signature of a trusted key"),
        (publisher.altered(sealed(WIDER), version=99), "snapshot: no signature of a trusted key"),
        (sealed(snapshot(6)), "snapshot: 6 of generation 1 is older than 7 of generation 1"),
        (sealed(WIDER)[:-9], "snapshot: not an envelope: not JSON"),
    ],
    ids=["stranger's", "renumbered", "rolled back", "truncated"],
)
async def test_a_hostile_snapshot_is_reported_though_no_lease_names_it(
    gate: Gate, valkey: Valkey, raw: bytes, problem: str
) -> None:
    valkey.put(publisher.bundle())
    before = gate.disk
    async with running(reader(gate, valkey).run()):
        await until(lambda: subscribed(valkey))
        valkey.admin.set(redis_names.snapshot(SERVER), raw)
        await until(lambda: problem in gate.problems, 3)
    assert gate.state == (7, 5, 10)
    assert gate.disk == before


@pytest.mark.parametrize("kind", list(Kind))
async def test_what_is_too_large_is_not_even_read(gate: Gate, valkey: Valkey, kind: Kind) -> None:
    valkey.put(Envelopes(**{kind: b" " * (MAX_BYTES[kind] + 1)}))
    async with running(reader(gate, valkey).run()):
        await until(lambda: any(p == f"{kind}: larger than {MAX_BYTES[kind]} bytes" for p in gate.problems), 15)
        assert valkey.admin.info("stats")["total_net_output_bytes"] < MAX_BYTES[kind]
    assert gate.state == (7, 5, 10)


async def test_a_value_of_another_type_ends_only_the_look(gate: Gate, valkey: Valkey) -> None:
    valkey.admin.lpush(redis_names.lease(SERVER), b"x")
    async with running(reader(gate, valkey).run()):
        await until(lambda: any("WRONGTYPE" in p for p in gate.problems))
        valkey.admin.delete(redis_names.lease(SERVER))
        valkey.put(KILL)
        await until(lambda: gate.state == (7, 6, 10))


async def test_each_new_ack_is_handed_on_once(gate: Gate, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_in, "TICK_S", 0.05)
    acks: list[bytes] = []
    name = redis_names.ack(ENFORCER)
    valkey.admin.set(name, b"first")
    async with running(reader(gate, valkey, acks=acks).run()):
        await until(lambda: acks)
        calls = int(valkey.admin.info("commandstats")["cmdstat_strlen"]["calls"])
        await until(lambda: int(valkey.admin.info("commandstats")["cmdstat_strlen"]["calls"]) > calls + 20)
        valkey.admin.set(name, b"second")
        await until(lambda: len(acks) > 1)
        valkey.admin.set(name, b"x" * (redis_in.MAX_ACK + 1))
        valkey.put(KILL)
        await until(lambda: gate.state == (7, 6, 10))
    assert acks == [b"first", b"second"]


async def test_a_new_password_is_read_from_its_file(gate: Gate, valkey: Valkey) -> None:
    async with running(reader(gate, valkey).run()):
        await until(lambda: subscribed(valkey))
        valkey.password = "second password"
        valkey.let_in()
        valkey.admin.client_kill_filter(_type="pubsub")
        await until(lambda: any("AuthenticationError" in p for p in gate.problems))
        assert not any(valkey.password in p or "first password" in p for p in gate.problems)
        valkey.password_file.write_text(valkey.password)
        valkey.put(KILL)
        await until(lambda: gate.state == (7, 6, 10))


async def test_nothing_is_left_behind_by_a_cancelled_reader(gate: Gate, valkey: Valkey) -> None:
    async with running(reader(gate, valkey).run()):
        await until(lambda: subscribed(valkey))
    await until(lambda: not subscribed(valkey))
    assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []
