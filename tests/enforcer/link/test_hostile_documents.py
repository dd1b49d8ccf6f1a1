"""Every way in which a document can be wrong, against an enforcer that is fresh, running, or restarted.

What must hold: nothing of it is applied, the last good policy stays, and the disk is as it was.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from enforcer.contract.documents import Document, signed
from enforcer.contract.envelope import seal
from enforcer.contract.keys import Role
from enforcer.link.state import Envelopes
from enforcer.link.verify import MAX_BYTES, Kind
from tests.enforcer.link import publisher
from tests.enforcer.link.publisher import NOW, FakeTime, Gate, key, sealed

GOOD = (7, 5, 10)
WIDER = ("fs_read", "fs_delete")


def next_genuine(kind: Kind) -> Document:
    """The document that the control plane would publish next."""
    documents: dict[Kind, Document] = {
        Kind.KEYS: publisher.key_list(version=4),
        Kind.SNAPSHOT: publisher.snapshot(version=8, tools=WIDER),
        Kind.INCIDENT: publisher.incident(epoch=6),
        Kind.LEASE: publisher.lease(counter=11),
    }
    return documents[kind]


def unsigned(kind: Kind) -> bytes:
    return json.dumps(json.loads(sealed(next_genuine(kind))) | {"signatures": []}).encode()


def by_a_stranger(kind: Kind) -> bytes:
    return sealed(next_genuine(kind), key("stranger"))


def by_a_key_of_another_role(kind: Kind) -> bytes:
    return sealed(next_genuine(kind), key("incident" if kind is not Kind.INCIDENT else "policy"))


def by_a_stranger_under_a_trusted_key_id(kind: Kind) -> bytes:
    outer = json.loads(by_a_stranger(kind))
    outer["signatures"][0]["keyid"] = publisher.SIGNERS[kind].public.keyid
    return json.dumps(outer).encode()


def of_another_server(kind: Kind) -> bytes:
    documents: dict[Kind, Document] = {
        Kind.SNAPSHOT: publisher.snapshot(version=8, server_id="git", tools=WIDER),
        Kind.INCIDENT: publisher.incident(epoch=6, server_id="git"),
        Kind.LEASE: publisher.lease(counter=11, server_id="git"),
    }
    return sealed(documents[kind])


def of_a_lower_number(kind: Kind) -> bytes:
    documents: dict[Kind, Document] = {
        Kind.KEYS: publisher.key_list(version=2),
        Kind.SNAPSHOT: publisher.snapshot(version=6, tools=WIDER),
        Kind.INCIDENT: publisher.incident(epoch=4),
        Kind.LEASE: publisher.lease(counter=9),
    }
    return sealed(documents[kind])


def of_the_same_number_with_other_content(kind: Kind) -> bytes:
    documents: dict[Kind, Document] = {
        Kind.KEYS: publisher.key_list(names={Role.POLICY: "stranger"}),
        Kind.SNAPSHOT: publisher.snapshot(tools=WIDER),
        Kind.INCIDENT: publisher.incident(kills=("tool:files/x",)),
        Kind.LEASE: publisher.lease(issued_at=NOW + 1),
    }
    return sealed(documents[kind])


def of_a_generation_that_the_root_has_not_signed(kind: Kind) -> bytes:
    return sealed(msgspec.structs.replace(next_genuine(kind), generation=2))


def oversize(kind: Kind) -> bytes:
    return sealed(next_genuine(kind)) + b" " * MAX_BYTES[kind]


def truncated(kind: Kind) -> bytes:
    return sealed(next_genuine(kind))[:-30]


def of_another_payload_type(kind: Kind) -> bytes:
    other = Kind.LEASE if kind is not Kind.LEASE else Kind.INCIDENT
    document = next_genuine(kind)
    return signed(document, publisher.TYPES[other], publisher.SIGNERS[kind])


def of_an_unknown_schema(kind: Kind) -> bytes:
    return publisher.with_schema(next_genuine(kind), 2)


def with_an_unknown_field(kind: Kind) -> bytes:
    payload = json.loads(msgspec.json.encode(next_genuine(kind))) | {"surprise": True}
    return seal(publisher.TYPES[kind], json.dumps(payload).encode(), (publisher.SIGNERS[kind],))


def with_a_key_twice(kind: Kind) -> bytes:
    payload = msgspec.json.encode(next_genuine(kind))
    twice = payload[:-1] + b',"generation":1}'
    return seal(publisher.TYPES[kind], twice, (publisher.SIGNERS[kind],))


def renumbered_under_its_old_signature(kind: Kind) -> bytes:
    number = {Kind.KEYS: "version", Kind.SNAPSHOT: "version", Kind.INCIDENT: "epoch", Kind.LEASE: "counter"}[kind]
    return publisher.altered(of_a_lower_number(kind), **{number: 99})


def not_json(kind: Kind) -> bytes:
    return b"\xff\x00" + base64.b64encode(sealed(next_genuine(kind)))


FAULTS: tuple[Callable[[Kind], bytes], ...] = (
    unsigned,
    by_a_stranger,
    by_a_key_of_another_role,
    by_a_stranger_under_a_trusted_key_id,
    of_another_server,
    of_a_lower_number,
    of_the_same_number_with_other_content,
    of_a_generation_that_the_root_has_not_signed,
    oversize,
    truncated,
    of_another_payload_type,
    of_an_unknown_schema,
    with_an_unknown_field,
    with_a_key_twice,
    renumbered_under_its_old_signature,
    not_json,
)
# No server is in a key list, and it is what says how high generations go.
NOT_OF_KEYS = (of_another_server, of_a_generation_that_the_root_has_not_signed)
# Not understood, but genuine: everything is killed instead.
KILLS = {(Kind.INCIDENT, of_an_unknown_schema), (Kind.INCIDENT, with_an_unknown_field)}
# Without memory nothing says that a genuine key list is old or replaced; the signatures of the rest must fit it still.
GOOD_WITHOUT_MEMORY = {(Kind.KEYS, of_a_lower_number)}
CASES = [(k, f) for k in Kind for f in FAULTS if k is not Kind.KEYS or f not in NOT_OF_KEYS]
IDS = [f"{k}-{f.__name__}" for k, f in CASES]


def hostile(kind: Kind, fault: Callable[[Kind], bytes]) -> Envelopes:
    return Envelopes(**{kind: fault(kind)})


@pytest.mark.parametrize(("kind", "fault"), CASES, ids=IDS)
async def test_a_fresh_enforcer_serves_nothing_with_it(
    kind: Kind, fault: Callable[[Kind], bytes], tmp_path: Path
) -> None:
    gate = Gate(tmp_path, FakeTime())
    good = publisher.bundle(gate.holdings.nonce("files"))
    parts = {k: getattr(good, k) for k in Kind} | {kind: fault(kind)}

    await gate.holdings.offer("files", Envelopes(**parts), "direct")

    if (kind, fault) in GOOD_WITHOUT_MEMORY:
        assert gate.state == GOOD
    elif (kind, fault) in KILLS:
        assert_everything_killed(gate)
    else:
        assert gate.state is None
        assert gate.holdings.lease_age("files") is None
        assert not remembers_policy(gate)


@pytest.mark.parametrize(("kind", "fault"), CASES, ids=IDS)
async def test_a_running_enforcer_keeps_its_last_good_policy(
    kind: Kind, fault: Callable[[Kind], bytes], tmp_path: Path
) -> None:
    gate = await Gate(tmp_path, FakeTime()).start()
    await assert_refused(gate, kind, fault)


@pytest.mark.parametrize(("kind", "fault"), CASES, ids=IDS)
async def test_a_restarted_enforcer_keeps_its_last_good_policy(
    kind: Kind, fault: Callable[[Kind], bytes], tmp_path: Path
) -> None:
    time = FakeTime()
    await Gate(tmp_path, time).start()
    await assert_refused(Gate(tmp_path, time), kind, fault)


async def assert_refused(gate: Gate, kind: Kind, fault: Callable[[Kind], bytes]) -> None:
    before, changes = gate.disk, len(gate.changes)
    assert gate.state == GOOD

    for _ in range(3):
        await gate.offer(hostile(kind, fault))

    if (kind, fault) in KILLS:
        assert_everything_killed(gate)
        return
    assert gate.state == GOOD
    assert gate.disk == before
    assert len(gate.changes) == changes
    assert [p for p in gate.problems if p.startswith(f"{kind}: ")]
    assert not (gate.directory / "policy.json.bad").exists()


def assert_everything_killed(gate: Gate) -> None:
    found = gate.holdings.current("files")
    assert found
    assert [target.kind for _, target in found.incident.targets] == ["all"]


def remembers_policy(gate: Gate) -> bool:
    return gate.disk is not None and json.loads(gate.disk).get("files", {}).get("snapshot") is not None


@pytest.mark.parametrize("when", ["fresh", "running", "restarted"])
async def test_a_snapshot_that_has_expired_is_not_applied_though_its_lease_is_new(when: str, tmp_path: Path) -> None:
    time = FakeTime()
    gate = Gate(tmp_path, time)
    if when != "fresh":
        await gate.start()
    if when == "restarted":
        gate = Gate(tmp_path, time)
    before, expected = gate.state, gate.disk
    old = publisher.snapshot(version=8, expires_at=NOW - 1)
    vouching = publisher.lease(counter=11, of=(old, publisher.incident()), nonce=gate.holdings.nonce("files"))

    await gate.offer(publisher.envelopes(publisher.key_list(), old, publisher.incident(), vouching))

    assert gate.state == before
    assert when == "fresh" or gate.disk == expected
    assert not remembers_policy(gate) or when != "fresh"
    assert any("expired" in p for p in gate.problems)


STATES = ["fresh", "running", "restarted"]


async def gate_in(when: str, directory: Path, time: FakeTime) -> Gate:
    gate = Gate(directory, time)
    if when != "fresh":
        await gate.start()
    return Gate(directory, time) if when == "restarted" else gate


@pytest.mark.parametrize("when", STATES)
async def test_a_lease_that_was_held_back_too_long_makes_nothing_fresh(when: str, tmp_path: Path) -> None:
    time = FakeTime()
    gate = await gate_in(when, tmp_path, time)
    held_back = publisher.lease(counter=11, nonce=gate.holdings.nonce("files"))
    time.pass_s(1000)
    await gate.offer(publisher.envelopes(publisher.key_list(), publisher.snapshot(), publisher.incident(), held_back))
    age = gate.holdings.lease_age("files")
    assert age is not None
    assert age >= 1000


@pytest.mark.parametrize("when", STATES)
async def test_a_lease_of_the_future_is_as_old_as_its_arrival_and_no_younger(when: str, tmp_path: Path) -> None:
    time = FakeTime()
    gate = await gate_in(when, tmp_path, time)
    ahead = publisher.lease(counter=11, issued_at=NOW + 3600, nonce=gate.holdings.nonce("files"))
    await gate.offer(publisher.envelopes(publisher.key_list(), publisher.snapshot(), publisher.incident(), ahead))
    time.pass_s(1000)
    age = gate.holdings.lease_age("files")
    assert age is None or age >= 1000
    assert any("ahead" in p or "clock" in p for p in gate.problems)


@pytest.mark.parametrize("when", ["running", "restarted"])
async def test_genuine_leases_played_back_for_ever_let_the_news_grow_old(when: str, tmp_path: Path) -> None:
    time = FakeTime()
    gate = await gate_in(when, tmp_path, time)
    recorded = [sealed(publisher.lease(counter=counter)) for counter in (9, 10)]
    before = gate.disk
    for _ in range(100):
        time.pass_s(10)
        for one in recorded:
            await gate.offer(Envelopes(lease=one))
    age = gate.holdings.lease_age("files")
    assert age is None or age >= 1000
    assert gate.disk == before
