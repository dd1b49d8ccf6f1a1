"""A worker holds what the process above it holds, no more and no longer; what it has in force is what is reported."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enforcer import durable
from enforcer.contract.keys import Role
from enforcer.link.local_stop import Stop
from tests.enforcer.link.parts import until
from tests.enforcer.link.publisher import NOW, SERVER, envelopes, incident, key, key_list, lease, sealed, snapshot
from tests.enforcer.workers.parts import Both

KILL = envelopes(incident(6, kills=("all",)))
STOP = Stop(id="local-1", state="raised", by="root", reason="test", at="2026-11-27T00:00:00Z")


@pytest.fixture
async def both(tmp_path: Path) -> Both:
    """Policy is in force above; nobody runs below."""
    made = Both(tmp_path)
    await made.above.gate.start()
    return made


async def test_a_worker_holds_what_the_process_above_holds(both: Both) -> None:
    async with both.worker() as worker:
        await until(lambda: worker.state == (7, 5, 10))
        assert worker.follower.lease_age(SERVER) == both.above.gate.holdings.lease_age(SERVER)
        both.above.gate.time.pass_s(3)
        assert worker.follower.lease_age(SERVER) == 3.0
        await both.above.gate.offer(envelopes(lease(11, issued_at=NOW + 3)))
        both.sync()
        await until(lambda: worker.state == (7, 5, 11))
        assert worker.follower.lease_age(SERVER) == 0.0
        assert len(worker.changes) == 1  # a lease alone stops no call


async def test_a_kill_counts_as_applied_once_the_worker_has_said_so(both: Both) -> None:
    async with both.worker() as worker:
        await both.agree()
        worker.deaf = True
        await both.above.gate.offer(KILL)
        both.sync()
        await until(lambda: worker.state == (7, 6, 10))
        assert (both.above.own().incident_epoch, both.slowest().incident_epoch) == (6, 5)
        worker.in_flight = 2
        worker.follower.beat()
        worker.deaf = False
        await until(lambda: both.slowest().incident_epoch == 6)
        await until(lambda: both.crew.in_flight(SERVER) == 2)


async def test_what_is_under_way_is_the_sum_of_all_workers(both: Both) -> None:
    async with both.worker(1) as one, both.worker(2) as two:
        await both.agree()
        for worker, under_way in ((one, (3, 1)), (two, (4, 0))):
            worker.under_way = under_way
            worker.follower.beat()
        await until(lambda: both.crew.under_way(SERVER) == (7, 1))


@pytest.mark.parametrize("slow", [1, 2, 3])
async def test_the_slowest_of_the_workers_is_what_counts(both: Both, slow: int) -> None:
    async with both.worker(1), both.worker(2), both.worker(3):
        await both.agree()
        await both.above.gate.offer(KILL)
        behind = both.below[slow]
        behind.deaf = True
        both.sync()
        quick = [one.worker for number, one in both.below.items() if number != slow]
        await until(lambda: all(one.holds[SERVER].incident_epoch == 6 for one in quick))
        assert both.slowest().incident_epoch == 5
        assert both.slowest().incident_hash == behind.worker.holds[SERVER].incident_hash
        behind.deaf = False
        await until(lambda: both.slowest() == both.above.own())


async def test_without_a_worker_nothing_is_confirmed(both: Both) -> None:
    assert (both.slowest().snapshot_version, both.slowest().incident_hash) == (0, "")
    async with both.worker():
        await both.agree()
        assert both.slowest().snapshot_version == 7
    assert both.slowest().snapshot_version == 0


async def test_a_worker_started_anew_counts_as_behind_from_its_first_news_on(both: Both) -> None:
    async with both.worker() as worker:
        worker.deaf = True
        await both.above.gate.offer(KILL)
        both.sync()
        assert both.slowest().incident_epoch == 5  # it was told of 5 first, and has not said that it has 6


async def test_what_is_dropped_above_is_dropped_below(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    async with both.worker() as worker:
        await both.agree()

        def full(_path: Path, _raw: bytes) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(durable, "write", full)
            await both.above.gate.offer(KILL)
        both.sync()
        await until(lambda: worker.state is None)
        assert worker.changes[-1] is None
        await both.above.gate.offer(KILL)
        await both.agree()
        assert worker.state == (7, 6, 10)


async def test_a_lease_that_counts_no_more_above_counts_no_more_below(both: Both) -> None:
    async with both.worker() as worker:
        await both.agree()
        both.above.gate.time.set_wall(NOW - 3600)
        await both.above.gate.offer(envelopes())
        both.sync()
        await until(lambda: worker.follower.lease_age(SERVER) is None)
        both.above.gate.time.set_wall(NOW + 1)
        await both.above.gate.offer(envelopes())
        both.sync()
        await until(lambda: worker.follower.lease_age(SERVER) == 1.0)


async def test_keys_follow_and_what_they_no_longer_vouch_for_is_dropped(both: Both) -> None:
    async with both.worker() as worker:
        await both.agree()
        await both.above.gate.offer(envelopes(key_list(4, names={Role.LEASE: "lease 2"})))
        both.sync()
        await until(lambda: worker.state is None)
        other = lease(11)
        await both.above.gate.offer(replace(envelopes(snapshot(), incident()), lease=sealed(other, key("lease 2"))))
        await both.agree()
        assert worker.state == (7, 5, 11)
        assert set(worker.follower.public_keys(Role.LEASE)) == {key("lease 2").public.keyid}


async def test_without_the_process_above_nothing_is_in_force(both: Both) -> None:
    async with both.worker() as worker:
        await both.agree()
        worker.worker.channel.close()
        await until(lambda: worker.lost)
        assert worker.state is None
        assert worker.changes[-1] is None


async def test_a_stop_on_the_host_holds_below_and_counts_as_in_flight_until_it_does(both: Both) -> None:
    async with both.worker() as worker:
        await both.agree()
        worker.deaf = True
        both.above.stop = STOP
        both.sync()
        assert both.crew.in_flight(SERVER) == 1
        await until(worker.follower.local_stop)
        policy = worker.follower.current(SERVER)
        assert policy is not None
        assert [switch.target for switch in policy.incident.kill_switches] == ["all"]
        assert worker.follower.current(SERVER) is policy
        assert both.crew.in_flight(SERVER) == 1
        worker.deaf = False
        await until(lambda: both.crew.in_flight(SERVER) == 0)
        both.above.stop = None
        both.sync()
        await until(lambda: worker.follower.local_stop() is None)


STEPS = st.sampled_from(["lease", "kill", "lower", "snapshot", "forged", "rotate", "back", "right", "quiet"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
def test_whatever_happens_above_a_worker_ends_up_with_the_same(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    asyncio.run(_same(steps, tmp_path_factory.mktemp("any")))


async def _same(steps: list[str], directory: Path) -> None:
    both = Both(directory)
    gate = await both.above.gate.start()
    version, epoch, counter, keys, signer, kills = 7, 5, 10, 3, "lease", tuple[str, ...]()
    async with both.worker() as worker:
        for step in steps:
            counter += 1
            now = gate.time.at.wall
            if step == "snapshot":
                version += 1
            elif step in ("kill", "lower"):
                epoch, kills = epoch + 1, ("all",) if step == "kill" else ()
            elif step == "rotate":
                keys, signer = keys + 1, f"lease {keys}"
            elif step == "back":
                gate.time.set_wall(now - 100)
            elif step == "right":
                gate.time.set_wall(max(now, NOW) + 100)
            pair = snapshot(version), incident(epoch, kills=kills)
            leased = lease(counter, of=pair, issued_at=gate.time.at.wall, nonce=gate.holdings.nonce(SERVER))
            listed = key_list(keys, names={Role.LEASE: signer} if keys > 3 else None)
            offered = envelopes(listed, *pair)
            if step not in ("quiet", "back"):
                offered = replace(offered, lease=sealed(leased, key("stranger" if step == "forged" else signer)))
            await gate.offer(offered)
            both.sync()
        both.sync()
        await until(lambda: worker.state == gate.state, timeout_s=5)
        await until(lambda: worker.follower.lease_age(SERVER) == gate.holdings.lease_age(SERVER), timeout_s=5)
