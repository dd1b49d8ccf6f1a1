"""Whoever holds the policy Redis can't make an enforcer apply anything that the control plane did not sign, newest."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from msgspec.structs import replace

from enforcer.contract import redis_names
from enforcer.contract.documents import read, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Heartbeat, KeyList, Lease, ListedKey, payload_hash
from enforcer.contract.keys import Role, SigningKey
from enforcer.contract.snapshot import Snapshot
from tests.support.bench import lines_of, open_bench, policy
from tests.support.processes import wait_for
from tests.support.system import System, running

STRANGER = SigningKey(b"stranger" * 4)
SNAPSHOT, LEASE, KEYS = redis_names.snapshot("ledger"), redis_names.lease("ledger"), redis_names.KEYS


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose policy was once wider: grace might use `other`, in a genuine snapshot that was taken back."""
    with running(tmp_path_factory.mktemp("hostile")) as system:
        open_bench(system)
        yield system


@pytest.fixture(scope="module")
def admin(attacked: System) -> redis.Redis:
    """The attacker's hands: every right in the policy Redis."""
    return redis.Redis.from_url((attacked.data / "redis-admin.url").read_text().strip())


@pytest.fixture(scope="module")
def wider(attacked: System, admin: redis.Redis) -> bytes:
    """The genuine, wider snapshot envelope of a while ago."""
    workspace = attacked.home / "workspace"
    more = policy(workspace)["grants"] + [{"principal": "grace", "server": "ledger", "tools": ["other"], "reason": "x"}]
    attacked.apply(policy(workspace, grants=more))
    was = bytes(admin.get(SNAPSHOT) or b"")
    done = attacked.manage(
        "apply", "-", "--prune", "--wait", "10", stdin=json.dumps({"version": 1, **policy(workspace)})
    )
    assert done.code == 0, done
    assert bytes(admin.get(SNAPSHOT) or b"") != was
    return was


def payload_of(envelope: bytes) -> bytes:
    return base64.b64decode(json.loads(envelope)["payload"])


def newest(admin: redis.Redis) -> int:
    return read(payload_of(bytes(admin.get(LEASE) or b"")), Lease).snapshot_version


def renumbered(envelope: bytes, number: int) -> bytes:
    outer = json.loads(envelope)
    inner = {**json.loads(base64.b64decode(outer["payload"])), "version": number}
    return json.dumps({**outer, "payload": base64.b64encode(json.dumps(inner).encode()).decode()}).encode()


def by_a_stranger(envelope: bytes, number: int) -> bytes:
    return signed(replace(read(payload_of(envelope), Snapshot), version=number), PayloadType.SNAPSHOT, STRANGER)


def stripped(envelope: bytes, number: int) -> bytes:
    return json.dumps({**json.loads(renumbered(envelope, number)), "signatures": []}).encode()


ATTACKS: dict[str, Callable[[bytes, int], bytes]] = {
    "renumbered under its old signature": renumbered,
    "signed by a stranger": by_a_stranger,
    "stripped of signatures": stripped,
    "rolled back": lambda envelope, _: envelope,
    "truncated": lambda envelope, _: envelope[:-40],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_snapshot_that_is_not_the_newest_genuine_one_is_never_applied(
    attacked: System, admin: redis.Redis, wider: bytes, attack: str
) -> None:
    gate, grace = attacked.gates["gate"], attacked.token("grace")
    version = newest(admin)
    before = heartbeat(admin)
    said_before = gate.program.output
    forged = ATTACKS[attack](wider, version + 1)

    def reported() -> bool:
        admin.set(SNAPSHOT, forged)  # again and again: the publisher repairs it within a second
        admin.publish(redis_names.changed("ledger"), "")
        answer = attacked.caller("gate", grace).call("other", {"nonce": "inside"})
        assert answer.codes == ["DENY_NO_MATCHING_RULE"]
        return any("snapshot" in problem for problem in heartbeat(admin)["servers"]["ledger"].get("problems", []))

    wait_for(reported, f"the attack {attack!r} in the heartbeat")
    assert heartbeat(admin)["servers"]["ledger"]["snapshot_version"] == before["servers"]["ledger"]["snapshot_version"]
    wait_for(lambda: "snapshot" in gate.program.output[len(said_before) :] or "snapshot" in said_before, "a log line")
    assert attacked.caller("gate", grace).call("note", {"nonce": "still"}).result
    assert "inside" not in lines_of(attacked.home / "ledger")


def test_a_whole_forged_set_with_a_lease_of_its_own_is_never_applied(
    attacked: System, admin: redis.Redis, wider: bytes
) -> None:
    grace, number = attacked.token("grace"), newest(admin) + 1
    forged = by_a_stranger(wider, number)
    genuine = read(payload_of(bytes(admin.get(LEASE) or b"")), Lease)
    lease = Lease(
        schema=1,
        generation=genuine.generation,
        issued_at=genuine.issued_at,
        server_id="ledger",
        counter=genuine.counter + 1000,
        snapshot_version=number,
        snapshot_hash=payload_hash(payload_of(forged)),
        incident_epoch=genuine.incident_epoch,
        incident_hash=genuine.incident_hash,
    )
    listed = tuple(ListedKey(role=role, public=STRANGER.public.text) for role in Role)
    keys = KeyList(schema=1, generation=99, issued_at=genuine.issued_at, version=99, keys=listed)
    seen: list[str] = []

    def reported() -> bool:
        admin.set(KEYS, signed(keys, PayloadType.KEYS, STRANGER))
        admin.set(SNAPSHOT, forged)
        admin.set(LEASE, signed(lease, PayloadType.LEASE, STRANGER))
        admin.publish(redis_names.changed("ledger"), "")
        assert attacked.caller("gate", grace).call("other", {"nonce": "inside"}).codes == ["DENY_NO_MATCHING_RULE"]
        seen[:] = heartbeat(admin)["servers"]["ledger"].get("problems", [])
        return any("keys" in p for p in seen) and any("lease" in p for p in seen)

    wait_for(reported, "forged keys and lease in the heartbeat")


def heartbeat(admin: redis.Redis) -> dict[str, Any]:
    raw = wait_for(lambda: admin.get(redis_names.heartbeat("gate")), "a heartbeat")
    read(payload_of(bytes(raw)), Heartbeat)
    found: dict[str, Any] = json.loads(payload_of(bytes(raw)))
    return found


def test_the_last_good_policy_serves_on(attacked: System, tmp_path: Path) -> None:
    ada = attacked.token("ada")
    assert attacked.caller("gate", ada).call("other", {"nonce": "inside"}).result
