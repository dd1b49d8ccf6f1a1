"""Counting together in a real Valkey, with the rights of an enforcer's user."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import ResponseError

from enforcer.contract import redis_names
from enforcer.link import shared_rates
from enforcer.link.redis_in import connector
from enforcer.link.shared_rates import SharedRates
from enforcer.policy.call import Call, Caller
from enforcer.policy.index import SERVER_BUCKET
from enforcer.policy.rates import Rate, has_room, wait_s
from tests.enforcer.link.parts import ENFORCER, Valkey
from tests.enforcer.link.publisher import SERVER

TWO = Rate(2, 60.0, shared=True)
GRANT = {"g": TWO}


def a_call(subject: str = "ada") -> Call:
    return Call(ENFORCER, SERVER, "read", Caller(subject, "drawbridge"))


@asynccontextmanager
async def counters(valkey: Valkey, count: int = 1, url: str = "") -> AsyncIterator[list[SharedRates]]:
    """As many enforcers of one server."""
    made = [SharedRates(connector(url or valkey.url, valkey.password_file)) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            await each.close()


def keys(valkey: Valkey) -> list[bytes]:
    return list(valkey.admin.keys(redis_names.rate(SERVER, "*")))


async def test_what_one_enforcer_took_another_one_lacks(valkey: Valkey) -> None:
    async with counters(valkey, 2) as (one, other):
        assert await one.take(a_call(), GRANT)
        assert await other.left(a_call(), GRANT) == {"g": 1.0}
        assert await other.take(a_call(), GRANT)
        assert not has_room((await one.left(a_call(), GRANT))["g"])
        assert not await one.take(a_call(), GRANT)


async def test_of_calls_that_come_at_once_no_more_pass_than_fit(valkey: Valkey) -> None:
    twenty = {"g": Rate(20, 60.0, shared=True)}
    async with counters(valkey, 3) as enforcers:
        took = await asyncio.gather(*(each.take(a_call(), twenty) for each in enforcers for _ in range(30)))
    assert took.count(True) == 20


async def test_a_grant_is_counted_for_each_caller_and_a_server_for_all(valkey: Valkey) -> None:
    both = {"g": TWO, SERVER_BUCKET: Rate(3, 60.0, shared=True)}
    async with counters(valkey) as (one,):
        await one.take(a_call(), both)
        assert await one.left(a_call("grace"), both) == {"g": 2.0, SERVER_BUCKET: 2.0}


async def test_the_window_ends_a_period_after_its_first_call(valkey: Valkey) -> None:
    async with counters(valkey) as (one,):
        for _ in range(2):
            await one.take(a_call(), GRANT)
        (key,) = keys(valkey)
        assert 59_000 < valkey.admin.pttl(key) <= 60_000
        valkey.admin.pexpire(key, 30_000)
        left = (await one.left(a_call(), GRANT))["g"]
        assert wait_s(TWO, left) == pytest.approx(30, abs=1)
        await one.take(a_call(), GRANT)  # in vain, and it makes the window no longer
        assert valkey.admin.pttl(key) <= 30_000
        valkey.admin.delete(key)
        assert await one.left(a_call(), GRANT) == {"g": 2.0}


async def test_redis_learns_no_name(valkey: Valkey) -> None:
    async with counters(valkey) as (one,):
        await one.take(a_call("somebody@example.com"), GRANT)
    assert b"somebody" not in b"".join(keys(valkey))


@pytest.mark.parametrize("lie", [b"", b"-5", b"1e3", b"x" * 100, b"9" * 40])
async def test_a_count_that_is_none_leaves_no_room(valkey: Valkey, lie: bytes) -> None:
    async with counters(valkey) as (one,):
        await one.take(a_call(), GRANT)
        valkey.admin.set(keys(valkey)[0], lie)
        assert not has_room((await one.left(a_call(), GRANT))["g"])
        assert not await one.take(a_call(), GRANT)


async def test_what_redis_holds_under_that_name_of_another_kind_leaves_no_room(valkey: Valkey) -> None:
    async with counters(valkey) as (one,):
        await one.take(a_call(), GRANT)
        key = keys(valkey)[0]
        valkey.admin.delete(key)
        valkey.admin.lpush(key, "x")
        assert await one.left(a_call(), GRANT) == {"g": 0.0}
        assert "ResponseError" in one.problem()


async def test_without_redis_nothing_has_room_and_soon_after_it_is_back_there_is(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_rates, "PAUSE_S", 0.0)
    async with counters(valkey) as (one,):
        assert await one.take(a_call(), GRANT)
        await asyncio.to_thread(valkey.stop)
        assert await one.left(a_call(), GRANT) == {"g": 0.0}
        assert not await one.take(a_call(), GRANT)
        assert "ConnectionError" in one.problem()
        await asyncio.to_thread(valkey.start)
        assert await one.left(a_call(), GRANT) == {"g": 2.0}
        assert one.problem() == ""


async def test_a_redis_that_started_anew_refuses_nobody(valkey: Valkey) -> None:
    async with counters(valkey) as (one,):
        assert await one.take(a_call(), GRANT)
        await asyncio.to_thread(valkey.stop)
        await asyncio.to_thread(valkey.start)
        assert await one.left(a_call(), GRANT) == {"g": 2.0}  # its old connection is dead


async def test_a_frozen_redis_holds_up_one_call_and_then_none(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_rates, "PAUSE_S", 1000.0)
    loop = asyncio.get_running_loop()
    async with counters(valkey) as (one,):
        await one.left(a_call(), GRANT)
        valkey.freeze()
        began = loop.time()
        assert await one.left(a_call(), GRANT) == {"g": 0.0}
        waited, began = loop.time() - began, loop.time()
        for _ in range(100):
            assert await one.left(a_call(), GRANT) == {"g": 0.0}
        assert loop.time() - began < waited
        assert one.problem() == "policy redis: TimeoutError"


async def test_an_enforcer_counts_for_its_own_servers_only(valkey: Valkey) -> None:
    async with counters(valkey) as (one,):
        other = Call(ENFORCER, "stranger", "read", Caller("ada", "drawbridge"))
        assert not await one.take(other, GRANT)
        assert await one.left(other, GRANT) == {"g": 0.0}
    assert not valkey.admin.keys(redis_names.rate("stranger", "*"))


async def test_an_enforcer_can_run_no_script(valkey: Valkey) -> None:
    client = connector(valkey.url, valkey.password_file)()
    with pytest.raises(ResponseError, match="permission"):
        await client.execute_command("EVAL", "return 1", 0)  # type: ignore[no-untyped-call]
    await client.aclose()
