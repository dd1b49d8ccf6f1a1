"""The age of a lease under clocks that jump, stop and start anew."""

from pathlib import Path

import pytest

from enforcer.link.clocks import Instant, read_clocks, since
from tests.enforcer.link.publisher import NOW, SERVER, FakeTime, Gate, bundle, envelopes, incident, lease, snapshot

ARRIVED = Instant(boot=1000, wall=NOW, boot_id="b1")


@pytest.mark.parametrize(
    ("situation", "now", "age"),
    [
        ("at arrival", Instant(1000, NOW, "b1"), 2),
        ("both clocks went on", Instant(1030, NOW + 30, "b1"), 32),
        ("the wall clock was set back", Instant(1030, NOW - 3600, "b1"), 30),
        ("the wall clock was set forward", Instant(1030, NOW + 3600, "b1"), 3602),
        ("the machine was suspended and its wall clock stood", Instant(4600, NOW + 1, "b1"), 3600),
        ("another boot", Instant(3, NOW + 50, "b2"), 52),
        ("another boot whose boot clock is further", Instant(9999, NOW + 50, "b2"), 52),
    ],
)
def test_age_is_the_greater_of_what_the_clocks_say(situation: str, now: Instant, age: float) -> None:
    assert since(NOW - 2, ARRIVED, now) == age


def test_a_lease_from_the_future_is_not_younger_than_its_arrival() -> None:
    assert since(NOW + 300, ARRIVED, Instant(7, NOW + 50, "b2")) == 50


def test_real_clocks_can_be_read() -> None:
    first, second = read_clocks(), read_clocks()
    assert second.boot >= first.boot
    assert second.boot_id == first.boot_id != ""


async def test_a_restart_on_the_same_boot_does_not_make_a_lease_younger(tmp_path: Path) -> None:
    gate = await Gate(tmp_path, FakeTime()).start()
    gate.time.pass_s(500)
    gate.time.set_wall(NOW)
    assert Gate(tmp_path, gate.time).holdings.lease_age(SERVER) == 500


async def test_after_a_reboot_the_wall_clock_alone_says_how_old_a_lease_is(tmp_path: Path) -> None:
    gate = await Gate(tmp_path, FakeTime()).start()
    gate.time.pass_s(40)
    gate.time.reboot()
    assert Gate(tmp_path, gate.time).holdings.lease_age(SERVER) == 40


async def test_a_wall_clock_behind_what_was_seen_before_the_restart_counts_as_expired(tmp_path: Path) -> None:
    gate = await Gate(tmp_path, FakeTime()).start()
    gate.time.reboot()
    gate.time.set_wall(NOW - 61)
    again = Gate(tmp_path, gate.time)
    assert again.holdings.lease_age(SERVER) is None
    assert any("wall clock" in p for p in again.problems)
    assert again.time.wall() == NOW


async def test_a_minute_behind_is_overlooked(tmp_path: Path) -> None:
    gate = await Gate(tmp_path, FakeTime()).start()
    gate.time.set_wall(NOW - 59)
    await gate.offer(envelopes(lease(11)))
    assert gate.holdings.lease_age(SERVER) == 0


async def test_leases_from_redis_do_not_cure_a_clock_that_ran_backwards_but_an_echoed_nonce_does(
    tmp_path: Path,
) -> None:
    time = FakeTime()
    gate = await Gate(tmp_path, time).start()
    time.set_wall(NOW + 10 * 365 * 86400)
    await gate.offer(envelopes(lease(11)))
    time.set_wall(NOW + 5)
    await gate.offer(envelopes(lease(12, issued_at=NOW + 5)))
    assert gate.holdings.lease_age(SERVER) is None

    nonce = gate.holdings.nonce(SERVER)
    assert nonce
    await gate.offer(envelopes(lease(13, issued_at=NOW + 5, nonce=nonce)))

    assert gate.holdings.lease_age(SERVER) == 0
    assert gate.holdings.nonce(SERVER) is None


async def test_a_clock_set_right_again_needs_no_nonce(tmp_path: Path) -> None:
    time = FakeTime()
    gate = await Gate(tmp_path, time).start()
    time.set_wall(NOW - 3600)
    await gate.offer(bundle())
    assert gate.holdings.nonce(SERVER)
    time.set_wall(NOW + 3)
    await gate.offer(bundle())
    assert gate.holdings.nonce(SERVER) is None
    assert gate.holdings.lease_age(SERVER) == 3


async def test_a_control_plane_whose_clock_is_ahead_is_reported_and_still_heard(tmp_path: Path) -> None:
    gate = await Gate(tmp_path, FakeTime()).start()
    await gate.offer(envelopes(lease(11, issued_at=NOW + 61, of=(snapshot(), incident()))))
    assert gate.state == (7, 5, 11)
    assert gate.problems == ("lease: issued more than 60 s ahead of this wall clock",)
