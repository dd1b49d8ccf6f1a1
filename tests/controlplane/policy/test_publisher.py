"""The publisher against a real database file and a real Valkey."""

from typing import TypeVar

import pytest

from controlplane.common.errors import InvalidState
from controlplane.incidents.services import raise_kill
from controlplane.policy import waiting
from controlplane.policy.models import ChangedServer, Kind, Published, SignedDocument
from controlplane.policy.services import policy_changed
from enforcer.contract import redis_names
from enforcer.contract.documents import Document, read
from enforcer.contract.envelope import PayloadType, unseal
from enforcer.contract.fleet import KeyList, Lease
from enforcer.contract.incident import Incident
from enforcer.contract.keys import Role
from enforcer.contract.snapshot import Snapshot
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory, ToolFactory
from tests.controlplane.running import RunningPublisher, ring
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
D = TypeVar("D", bound=Document)
ROLES = {PayloadType.SNAPSHOT: Role.POLICY, PayloadType.INCIDENT: Role.INCIDENT, PayloadType.LEASE: Role.LEASE}


def published(valkey: Valkey, key: str, payload_type: PayloadType, kind: type[D]) -> D | None:
    """What stands in Redis, verified."""
    raw = valkey.client.get(key)
    if not isinstance(raw, bytes):
        return None
    keys = ring().key_list.of(ROLES[payload_type])
    return read(unseal(raw, payload_type, keys), kind)


def lease_of(valkey: Valkey, server_id: str) -> Lease | None:
    return published(valkey, redis_names.lease(server_id), PayloadType.LEASE, Lease)


def incident_of(valkey: Valkey, server_id: str) -> Incident | None:
    return published(valkey, redis_names.incident(server_id), PayloadType.INCIDENT, Incident)


def snapshot_of(valkey: Valkey, server_id: str) -> Snapshot | None:
    return published(valkey, redis_names.snapshot(server_id), PayloadType.SNAPSHOT, Snapshot)


def changed(server_id: str) -> int:
    return policy_changed(server_ids=[server_id], actor=ADA, reason="a test")


def test_a_new_server_gets_a_first_snapshot_a_first_incident_state_and_a_lease(valkey: Valkey) -> None:
    ToolFactory(server=ServerFactory(id="files"), name="read")
    with RunningPublisher() as running:
        assert waiting.wait_published(changed("files"), 10)
        lease = wait_for(lambda: lease_of(valkey, "files"), "a lease")
        snapshot, incident = snapshot_of(valkey, "files"), incident_of(valkey, "files")
        listed = wait_for(lambda: valkey.client.get(redis_names.KEYS), "the keys")
        keys = unseal(bytes(listed), PayloadType.KEYS, {running.ring.root.keyid: running.ring.root})
    assert snapshot is not None
    assert incident is not None
    assert [tool.name for tool in snapshot.tools] == ["read"]
    assert (snapshot.version, incident.epoch) == (1, 1)
    assert (lease.snapshot_version, lease.incident_epoch) == (1, 1)
    assert snapshot.token_keys == running.ring.token_keys
    assert read(keys, KeyList).version == 1


def test_a_kill_is_in_redis_without_waiting_for_the_next_second(valkey: Valkey) -> None:
    ServerFactory(id="files")
    with RunningPublisher():
        wait_for(lambda: lease_of(valkey, "files"), "a lease")
        hints = valkey.client.pubsub(ignore_subscribe_messages=True)
        hints.subscribe(redis_names.changed("files"))
        switched = raise_kill(target="tool:files/delete", reason="it deletes", actor=ADA)
        assert switched.change_id is not None
        assert waiting.wait_published(switched.change_id, 10)
        incident = wait_for(lambda: _killing(valkey, "files"), "the kill in Redis", timeout_s=0.5)
        told = wait_for(lambda: (hints.get_message(timeout=0.1) or {}).get("data") == b"incident", "a hint")
        hints.close()
    assert told
    assert [switch.target for switch in incident.kill_switches] == ["tool:files/delete"]
    assert incident.epoch == 2


def _killing(valkey: Valkey, server_id: str) -> Incident | None:
    found = incident_of(valkey, server_id)
    return found if found and found.kill_switches else None


def test_the_lease_counts_up_every_second_and_names_the_pair_by_its_hash(valkey: Valkey) -> None:
    ServerFactory(id="files")
    with RunningPublisher():
        first = wait_for(lambda: lease_of(valkey, "files"), "a lease")
        later = wait_for(
            lambda: (now := lease_of(valkey, "files")) and now.counter > first.counter and now, "a next one"
        )
    row = Published.objects.select_related("snapshot", "incident").get(server_id="files")
    assert row.snapshot is not None
    assert later
    assert later.snapshot_hash == row.snapshot.payload_hash


def test_everything_stands_in_redis_again_after_a_flush_and_after_a_restart(valkey: Valkey) -> None:
    ServerFactory(id="files")

    def whole() -> bool:
        return all((lease_of(valkey, "files"), snapshot_of(valkey, "files"), incident_of(valkey, "files"))) and bool(
            valkey.client.exists(redis_names.KEYS)
        )

    with RunningPublisher():
        wait_for(whole, "everything")
        valkey.client.flushall()
        wait_for(whole, "everything after a flush", timeout_s=3)
        valkey.stop()
        valkey.start()
        wait_for(whole, "everything after a restart", timeout_s=5)


def test_a_tampered_value_is_put_right_within_two_seconds(valkey: Valkey) -> None:
    ServerFactory(id="files")
    with RunningPublisher():
        wait_for(lambda: lease_of(valkey, "files"), "a lease")
        genuine = valkey.client.get(redis_names.snapshot("files"))
        for forged in (b"{}", genuine[:-20] if isinstance(genuine, bytes) else b""):
            valkey.client.set(redis_names.snapshot("files"), forged)
            wait_for(
                lambda: valkey.client.get(redis_names.snapshot("files")) == genuine, "the genuine one", timeout_s=3
            )


def test_a_commit_made_while_redis_is_away_is_published_when_it_is_back(valkey: Valkey) -> None:
    ServerFactory(id="files")
    with RunningPublisher():
        wait_for(lambda: lease_of(valkey, "files"), "a lease")
        valkey.stop()
        change = changed("files")
        assert waiting.wait_published(change, 10)
        number = waiting.numbers(change)["files"]
        valkey.start()
        wait_for(
            lambda: (s := snapshot_of(valkey, "files")) and s.version == number, "the newest snapshot", timeout_s=5
        )


def test_a_policy_that_cannot_be_compiled_leaves_the_last_good_one_and_says_so(valkey: Valkey) -> None:
    server = ServerFactory(id="files")
    tool = ToolFactory(server=server, name="read")
    with RunningPublisher():
        assert waiting.wait_published(changed("files"), 10)
        good = wait_for(lambda: snapshot_of(valkey, "files"), "a snapshot")
        tool.input_schema = {"type": "object", "properties": {"a": {"type": "nonsense"}}}
        tool.save()
        with pytest.raises(InvalidState, match=r"server files: .*; the last good version stays"):
            waiting.wait_published(changed("files"), 10)
        tool.input_schema = {"type": "object"}
        tool.save()
        repaired = changed("files")
        assert waiting.wait_published(repaired, 10)
        assert waiting.numbers(repaired)["files"] == good.version + 1


def test_two_publishers_beside_each_other_leave_in_redis_what_the_database_says(valkey: Valkey) -> None:
    ServerFactory(id="files")
    with RunningPublisher(), RunningPublisher():
        for number in range(15):
            raise_kill(target=f"session:{number}", reason="a test", actor=ADA)
            changed("files")
        wait_for(lambda: not ChangedServer.objects.filter(document__isnull=True).exists(), "everything published")
        row = Published.objects.select_related("snapshot", "incident").get(server_id="files")
        assert row.snapshot is not None
        assert row.incident is not None
        wanted = [row.snapshot.envelope.encode(), row.incident.envelope.encode()]
        names = [redis_names.snapshot("files"), redis_names.incident("files")]
        wait_for(lambda: valkey.client.mget(names) == wanted, "the newest of both", timeout_s=3)
        first = wait_for(lambda: lease_of(valkey, "files"), "a lease")
        assert wait_for(lambda: (now := lease_of(valkey, "files")) and now.counter > first.counter, "a later lease")


def test_a_frozen_redis_does_not_hold_up_the_database_work(valkey: Valkey) -> None:
    ServerFactory(id="files")
    with RunningPublisher():
        wait_for(lambda: lease_of(valkey, "files"), "a lease")
        valkey.freeze()
        try:
            assert waiting.wait_published(changed("files"), 6)
        finally:
            valkey.thaw()
        version = SignedDocument.objects.filter(kind=Kind.POLICY).count()
        wait_for(lambda: (s := snapshot_of(valkey, "files")) and s.version == version, "the newest", timeout_s=5)
