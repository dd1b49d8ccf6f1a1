"""A stop on the host: added to what is signed, kept by the disk, confirmed when nothing is in flight, recorded once."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from enforcer import durable
from enforcer.contract.incident import KillSwitch
from enforcer.link import local_stop
from enforcer.link.local_stop import (
    NAME,
    SEEN,
    UNREADABLE,
    LocalStop,
    State,
    Stop,
    StopHooks,
    read_seen,
    read_stop,
    with_stop,
    write_stop,
)
from tests.enforcer.link.parts import until
from tests.enforcer.pipeline.workbench import applied

HOLD = KillSwitch(id="k1", target="tool:files/fs_read")


def a_stop(state: State = "raised", name: str = "local-1") -> Stop:
    return Stop(name, state, "os:ada@host", "INC-9", "2026-01-01T00:00:00.000Z")


class Host:
    """An enforcer's data directory, and what its process does about it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir, self.in_flight, self.keeps = data_dir, 0, True
        self.changes, self.records = 0, list[tuple[str, str]]()
        hooks = StopHooks(on_change=self.changed, in_flight=lambda: self.in_flight, record=self.record)
        self.stop = LocalStop(data_dir, hooks)

    def changed(self) -> None:
        self.changes += 1

    async def record(self, stop: Stop) -> bool:
        if self.keeps:
            self.records.append((stop.id, stop.state))
        return self.keeps

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.ensure_future(self.stop.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


async def test_it_is_applied_confirmed_and_recorded_once_and_lowered_again(host: Host) -> None:
    async with host.running():
        write_stop(host.data_dir, a_stop())
        await until(lambda: host.records == [("local-1", "raised")])
        assert (host.stop.raised, host.changes) == (True, 1)
        seen = read_seen(host.data_dir)
        assert seen is not None
        assert (seen.id, seen.state) == ("local-1", "raised")
        write_stop(host.data_dir, a_stop("lowered"))
        await until(lambda: not (host.data_dir / NAME).exists() and not host.stop.stop)
        assert host.records == [("local-1", "raised"), ("local-1", "lowered")]
        assert not (host.data_dir / SEEN).exists()


async def test_it_is_confirmed_only_when_what_it_stopped_has_ended(host: Host) -> None:
    host.in_flight = 1
    async with host.running():
        write_stop(host.data_dir, a_stop())
        await until(lambda: host.stop.raised)
        await asyncio.sleep(3 * local_stop.LOOK_S)
        assert read_seen(host.data_dir) is None
        host.in_flight = 0
        await until(lambda: read_seen(host.data_dir) is not None)


async def test_it_is_there_before_the_first_decision_and_recorded_no_second_time(host: Host) -> None:
    async with host.running():
        write_stop(host.data_dir, a_stop())
        await until(lambda: bool((seen := read_seen(host.data_dir)) and seen.recorded))
    again = Host(host.data_dir)
    assert again.stop.raised
    async with again.running():
        await asyncio.sleep(3 * local_stop.LOOK_S)
    assert again.records == []


async def test_a_receipt_that_is_not_kept_is_tried_again_and_holds_nothing_up(host: Host) -> None:
    host.keeps = False
    async with host.running():
        write_stop(host.data_dir, a_stop())
        await until(lambda: read_seen(host.data_dir) is not None)
        assert host.records == []
        host.keeps = True
        await until(lambda: host.records == [("local-1", "raised")])


async def test_a_full_disk_does_not_undo_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _raw: bytes) -> None:
        raise OSError(28, "No space left on device")

    async with host.running():
        write_stop(host.data_dir, a_stop())
        monkeypatch.setattr(local_stop, "write", full)
        await until(lambda: host.stop.raised)
        await asyncio.sleep(3 * local_stop.LOOK_S)
        assert host.stop.raised
        monkeypatch.setattr(local_stop, "write", durable.write)
        await until(lambda: bool(host.records))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"{}", b'{"id":"x","state":"off","by":"","reason":"","at":""}',
        b'{"id":"x","state":"lowered","by":"","reason":"","at":"","more":1}',
        b'{"id":"x","id":"y","state":"lowered","by":"","reason":"","at":""}', b"\xff", b"x" * 100_000,
    ],
)  # fmt: skip
async def test_whatever_lies_there_and_can_not_be_read_stops_it(host: Host, raw: bytes) -> None:
    (host.data_dir / NAME).write_bytes(raw)
    assert read_stop(host.data_dir) == UNREADABLE
    assert Host(host.data_dir).stop.raised
    async with host.running():
        await until(lambda: host.stop.raised)


async def test_a_directory_of_that_name_stops_it_and_its_removal_lets_it_go(host: Host) -> None:
    (host.data_dir / NAME).mkdir()
    async with host.running():
        await until(lambda: host.stop.raised)
        (host.data_dir / NAME).rmdir()
        await until(lambda: not host.stop.raised)


def test_it_is_only_ever_added_to_what_is_signed() -> None:
    policy = applied(kill_switches=(HOLD,))
    stopped = with_stop(policy, a_stop())
    assert stopped.incident.kill_switches == (HOLD, KillSwitch(id="local-1", target="all"))
    assert with_stop(policy, a_stop("lowered")) is policy
    assert with_stop(policy, None) is policy


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_writes_belongs_to_whoever_runs_the_enforcer(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    write_stop(tmp_path, a_stop())
    assert (tmp_path / NAME).stat().st_uid == 65534


def test_the_same_policy_is_the_same_object(host: Host) -> None:
    policy, other = applied(), applied()
    assert host.stop.over("files", policy) is policy
    host.stop.stop = a_stop()
    first = host.stop.over("files", policy)
    assert first is not policy
    assert host.stop.over("files", policy) is first
    assert host.stop.over("files", other) is not first
    assert host.stop.over("files", None) is None
