"""policy.json: what it holds, what damages it, what happens when it can't be written."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from enforcer import durable
from enforcer.link import store
from enforcer.link.verify import Kind
from enforcer.policy.index import build_index
from tests.enforcer.link import publisher
from tests.enforcer.link.publisher import ROOTS, SERVER, FakeTime, Gate, envelopes, incident, lease, snapshot


@pytest.fixture
async def gate(tmp_path: Path) -> Gate:
    """One that runs on snapshot 7, incident state 5, lease 10."""
    return await Gate(tmp_path, FakeTime()).start()


async def test_it_holds_the_envelopes_as_received_and_what_was_seen(gate: Gate) -> None:
    assert gate.disk
    entry = json.loads(gate.disk)[SERVER]
    assert set(entry) == {"keys", "snapshot", "incident", "lease", "seen"}
    assert entry["snapshot"] == json.loads(publisher.sealed(snapshot()))
    assert (gate.directory / "policy.json").stat().st_mode & 0o777 == 0o600


async def test_a_restart_without_anybody_serves_what_is_on_disk(gate: Gate) -> None:
    again = Gate(gate.directory, gate.time)
    assert again.state == (7, 5, 10)
    assert again.holdings.nonce(SERVER) is None
    assert again.problems == ()


def other_content(raw: bytes) -> bytes:
    return raw.replace(b'"payload":"', b'"payload":"A', 1)


def lower_mark(raw: bytes) -> bytes:
    entry = json.loads(raw)
    entry[SERVER]["seen"]["marks"]["snapshot"][1] = 6
    return json.dumps(entry).encode()


def higher_mark(raw: bytes) -> bytes:
    entry = json.loads(raw)
    entry[SERVER]["seen"]["marks"]["incident"][1] = 9
    return json.dumps(entry).encode()


def without(name: str) -> Callable[[bytes], bytes]:
    def damage(raw: bytes) -> bytes:
        entry = json.loads(raw)
        entry[SERVER][name] = None
        return json.dumps(entry).encode()

    damage.__name__ = f"without_{name}"
    return damage


def older_snapshot(raw: bytes) -> bytes:
    entry = json.loads(raw)
    entry[SERVER]["snapshot"] = json.loads(publisher.sealed(snapshot(6)))
    return json.dumps(entry).encode()


DAMAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda raw: b"",
    lambda raw: raw[: len(raw) // 2],
    lambda raw: b"[]",
    lambda raw: b"\x00" * len(raw),
    lambda raw: raw[:-1] + b',"files":{}}',
    lambda raw: raw.replace(b'"keys"', b'"kays"', 1),
    other_content,
    lower_mark,
    higher_mark,
    older_snapshot,
    without("keys"),
    without("snapshot"),
    without("lease"),
    without("incident"),
)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_file_is_moved_aside_and_only_a_nonce_opens_again(
    gate: Gate, damage: Callable[[bytes], bytes]
) -> None:
    path = gate.directory / "policy.json"
    assert gate.disk
    damaged = damage(gate.disk)
    assert damaged != gate.disk
    path.write_bytes(damaged)

    again = Gate(gate.directory, gate.time)

    assert again.state is None
    assert (gate.directory / "policy.json.bad").read_bytes() == damaged
    assert not path.exists()
    assert any("policy.json is damaged" in p for p in again.problems)
    await again.offer(publisher.bundle())
    assert again.state is None
    await again.start()
    assert again.state == (7, 5, 10)


async def test_every_flipped_byte_is_damage_or_changes_nothing(gate: Gate) -> None:
    raw = gate.disk
    assert raw
    good = store.decode(raw, [SERVER], ROOTS, build_index)
    assert isinstance(good, store.Memory)
    for at in range(0, len(raw), 37):
        flipped = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        found = store.decode(flipped, [SERVER], ROOTS, build_index)
        if isinstance(found, store.Memory) and SERVER in found.servers:
            state = found.servers[SERVER].applied
            assert state
            assert state.snapshot.digest == good.servers[SERVER].seen[Kind.SNAPSHOT].digest


async def test_policy_of_another_root_is_damage(gate: Gate) -> None:
    stranger = publisher.key("another root").public
    assert gate.disk
    assert isinstance(store.decode(gate.disk, [SERVER], {stranger.keyid: stranger}, build_index), store.Damage)


async def test_a_server_that_the_file_does_not_know_waits_for_its_nonce(gate: Gate) -> None:
    assert gate.disk
    found = store.decode(gate.disk, ["git"], ROOTS, build_index)
    assert isinstance(found, store.Memory)
    assert found.servers == {}


async def test_a_lease_alone_is_not_written_each_time(gate: Gate) -> None:
    before = gate.disk
    await gate.offer(envelopes(lease(11)))
    assert gate.state == (7, 5, 11)
    assert gate.disk == before


async def test_what_cannot_be_written_stops_the_server_until_it_can(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _raw: bytes) -> None:
        raise OSError(28, os.strerror(28))

    kill = envelopes(incident(6, kills=("all",)))
    before = gate.disk
    with monkeypatch.context() as broken:
        broken.setattr(durable, "write", full)
        await gate.offer(kill)
        assert gate.state is None
        assert gate.disk == before
        assert any("No space left" in p for p in gate.problems)
        await gate.offer(envelopes(lease(11)))
        assert gate.state is None
    await gate.offer(kill)
    assert gate.state == (7, 6, 10)
    assert Gate(gate.directory, gate.time).state == (7, 6, 10)


async def test_an_unreadable_file_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "policy.json").mkdir()
    gate = Gate(tmp_path, FakeTime())
    assert gate.state is None
    assert gate.problems
    assert (tmp_path / "policy.json.bad").is_dir()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.json"
    durable.write(path, b"old")

    def fails(_descriptor: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output"):
        durable.write(path, b"new")
    assert path.read_bytes() == b"old"
