"""The whole link on a real Valkey and a control plane over HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from enforcer import durable
from enforcer.contract.keys import Role
from enforcer.link import direct, link
from enforcer.link.hooks import Hooks
from enforcer.link.link import Link, LinkSettings
from enforcer.link.state import Applied
from tests.enforcer.link import publisher
from tests.enforcer.link.parts import ENFORCER, ENFORCER_KEY, ControlPlane, Valkey, running, until
from tests.enforcer.link.publisher import ROOT, SERVER, FakeTime, envelopes, incident, key, lease, sealed
from tests.enforcer.link.test_heartbeat import heard

KILL = envelopes(incident(6, kills=("all",)))


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "PAUSE_S", 0.05)
    monkeypatch.setattr(link, "RESTART_S", 0.05)


@pytest.fixture
async def plane() -> AsyncIterator[ControlPlane]:
    """It answers with the good bundle, the nonce echoed."""
    async with ControlPlane(publisher.bundle).serving() as made:
        yield made


@pytest.fixture
def chosen(tmp_path: Path, valkey: Valkey, plane: ControlPlane) -> LinkSettings:
    """As `enforcer run` would make them."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    return LinkSettings(
        enforcer_id=ENFORCER,
        server_ids=(SERVER,),
        root_keys=(ROOT.public,),
        data_dir=data_dir,
        key=ENFORCER_KEY,
        redis_url=valkey.url,
        password_file=valkey.password_file,
        control_plane_url=plane.url,
    )


def made(chosen: LinkSettings, hooks: Hooks | None = None) -> Link:
    return Link(chosen, hooks or Hooks(), FakeTime())


def epoch(found: Link) -> int:
    applied = found.current(SERVER)
    return applied.incident.epoch if applied else 0


async def test_it_gets_ready_from_nothing_and_follows_redis(chosen: LinkSettings, valkey: Valkey) -> None:
    changes: list[tuple[str, Applied | None]] = []
    subject = made(chosen, Hooks(on_change=lambda server, applied: changes.append((server, applied))))
    async with running(subject.run()):
        await subject.wait_ready()
        assert subject.lease_age(SERVER) == 0
        valkey.put(KILL, hint=True)
        await until(lambda: epoch(subject) == 6)
        await until(lambda: (found := heard(valkey)) and found.servers[SERVER].incident_epoch == 6, 1)
    assert [(server, applied.incident.epoch) for server, applied in changes if applied] == [(SERVER, 5), (SERVER, 6)]
    assert set(subject.public_keys(Role.ACK)) == {key("ack").public.keyid}
    assert subject.generation() == 1


async def test_it_serves_on_when_everybody_is_gone_and_after_a_restart_too(
    chosen: LinkSettings, valkey: Valkey, plane: ControlPlane
) -> None:
    first = made(chosen)
    async with running(first.run()):
        await first.wait_ready()
        valkey.stop()
        await until(lambda: any("policy redis" in p for p in first.problems(SERVER)))
        assert first.current(SERVER)
    gone = replace(chosen, control_plane_url="http://127.0.0.1:1")
    second = made(gone)
    async with running(second.run()):
        await second.wait_ready()
        assert epoch(second) == 5
        assert second.lease_age(SERVER) == 0
        await until(lambda: any("control plane" in p for p in second.problems(SERVER)))
        assert second.current(SERVER)
    valkey.start()


async def test_after_a_restart_nothing_is_decided_by_the_disk_before_the_first_news(
    chosen: LinkSettings, valkey: Valkey
) -> None:
    first = made(chosen)
    async with running(first.run()):
        await first.wait_ready()
        assert epoch(first) == 5
    valkey.put(KILL)  # while the enforcer was away
    second = made(chosen)
    async with running(second.run()):
        assert second.current(SERVER) is None
        await second.wait_ready()
        assert epoch(second) == 6


async def test_policy_that_can_not_be_written_is_in_force_no_more_and_the_calls_hear_of_it(
    chosen: LinkSettings, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard_of: list[Applied | None] = []
    subject = made(chosen, Hooks(on_change=lambda _server, applied: heard_of.append(applied)))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with running(subject.run()):
        await subject.wait_ready()
        monkeypatch.setattr(durable, "write", full)
        valkey.put(KILL, hint=True)
        await until(lambda: subject.current(SERVER) is None)
        assert heard_of[-1] is None
        monkeypatch.undo()
        await until(lambda: epoch(subject) == 6)


async def test_a_damaged_disk_and_nobody_there_serves_nothing(chosen: LinkSettings, valkey: Valkey) -> None:
    first = made(chosen)
    async with running(first.run()):
        await first.wait_ready()
    path = chosen.data_dir / "policy.json"
    path.write_bytes(path.read_bytes()[:-40])
    valkey.put(publisher.bundle())
    second = made(replace(chosen, control_plane_url="http://127.0.0.1:1"))
    async with running(second.run()):
        await until(lambda: any("damaged" in p for p in second.problems(SERVER)))
        await until(lambda: heard(valkey))
        assert second.current(SERVER) is None
        assert second.lease_age(SERVER) is None
    assert (chosen.data_dir / "policy.json.bad").exists()


async def test_a_bug_in_one_part_neither_stops_the_others_nor_stays_silent(
    chosen: LinkSettings, valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    broken = [True]

    def on_ack(_raw: bytes) -> None:
        if broken[0]:
            raise ZeroDivisionError

    subject = made(chosen, Hooks(on_ack=on_ack))
    caplog.set_level(logging.ERROR)
    valkey.admin.set("drawbridge:ack:" + ENFORCER, b"x")
    async with running(subject.run()):
        await subject.wait_ready()
        await until(lambda: any("internal error" in p for p in subject.problems(SERVER)))
        await until(lambda: heard(valkey))
        broken[0] = False
        valkey.put(KILL)
        await until(lambda: epoch(subject) == 6)
    assert any(record.exc_info for record in caplog.records)


async def test_leases_reach_the_disk_now_and_then(
    chosen: LinkSettings, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enforcer.link.holdings.WRITE_LEASE_EVERY_S", 0.05)
    subject = made(chosen)
    async with running(subject.run()):
        await subject.wait_ready()
        newer = sealed(lease(11))
        valkey.put(publisher.Envelopes(lease=newer))
        await until(lambda: newer in (chosen.data_dir / "policy.json").read_bytes())


async def test_a_server_that_nobody_publishes_keeps_it_from_being_ready(chosen: LinkSettings, valkey: Valkey) -> None:
    subject = made(replace(chosen, server_ids=(SERVER, "git")))
    async with running(subject.run()):
        await until(lambda: subject.current(SERVER))
        assert subject.current("git") is None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await subject.wait_ready()


async def test_a_kill_is_timed_from_its_news_to_its_being_in_force_and_refused_documents_are_counted(
    chosen: LinkSettings, valkey: Valkey
) -> None:
    timed: list[tuple[str, float, float]] = []
    refused: list[str] = []
    subject = made(chosen, Hooks(on_incident=lambda *told: timed.append(told), on_rejected=refused.append))
    async with running(subject.run()):
        await subject.wait_ready()
        assert not timed  # the first state replaced none
        valkey.put(KILL, hint=True)
        await until(lambda: epoch(subject) == 6)
        assert not refused
        forged = sealed(incident(7), key("somebody"))
        valkey.put(replace(KILL, incident=forged), hint=True)
        await until(lambda: refused)
        assert subject.quiet_s(SERVER, "direct") == 0
        assert subject.quiet_s(SERVER, "redis") is None
    assert [server for server, _, _ in timed] == [SERVER]
    assert all(0 <= seconds < 5 for _, *both in timed for seconds in both)
    assert set(refused) == {SERVER}
