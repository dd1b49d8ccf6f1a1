"""From the outbox to signed rows, without Redis."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from controlplane.incidents.models import RevokedToken
from controlplane.policy import waiting
from controlplane.policy.models import Change, ChangedServer, Kind, SignedDocument
from controlplane.policy.publisher import documents, leases
from controlplane.policy.services import incident_changed, policy_changed
from enforcer.contract.envelope import MAX_BYTES, PayloadType, unseal
from enforcer.contract.incident import read_incident
from enforcer.contract.keys import Role
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory
from tests.controlplane.running import ring

pytestmark = pytest.mark.django_db(transaction=True)


def changed(server_id: str) -> int:
    return policy_changed(server_ids=[server_id], actor=ADA, reason="a test")


def test_a_change_that_is_rolled_back_publishes_nothing(data_dir: object) -> None:
    ServerFactory(id="files")

    def change_and_fail() -> None:
        with transaction.atomic():
            changed("files")
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert not Change.objects.exists()


def test_without_a_publisher_waiting_says_that_nothing_was_published(data_dir: object) -> None:
    ServerFactory(id="files")
    assert not waiting.wait_published(changed("files"), 0.05)


def test_a_change_of_no_server_is_published_at_once(data_dir: object) -> None:
    assert waiting.wait_published(policy_changed(server_ids=[], actor=ADA, reason=""), 0)


def test_two_publishers_give_every_version_once_and_lose_no_change(data_dir: object) -> None:
    ServerFactory(id="files")
    keys = ring()
    start, done = threading.Barrier(3), threading.Event()
    problems: list[str] = []

    def publish() -> None:
        start.wait()
        while not done.is_set() or documents.waiting(Kind.INCIDENT).exists():
            if documents.waiting(Kind.INCIDENT).exists():
                problems.extend(outcome.problem for outcome in documents.publish(["files"], Kind.INCIDENT, keys))
        connection.close()

    def change() -> None:
        start.wait()
        for _ in range(20):
            incident_changed(server_ids=["files"], actor=ADA, reason="")
        done.set()
        connection.close()

    threads = [threading.Thread(target=work) for work in (publish, publish, change)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = list(SignedDocument.objects.order_by("id").values_list("number", flat=True))
    assert set(problems) == {""}
    assert numbers == list(range(1, len(numbers) + 1))
    assert not documents.waiting(Kind.INCIDENT).exists()
    assert ChangedServer.objects.filter(document__isnull=True).count() == 0


def test_half_a_pair_gets_no_lease(data_dir: object) -> None:
    ServerFactory(id="files")
    keys = ring()
    documents.publish(["files"], Kind.POLICY, keys)
    assert leases.renew(keys, 1.0) == []
    documents.publish(["files"], Kind.INCIDENT, keys)
    assert [row.lease_counter for row in leases.renew(keys, 1.0)] == [1]


def test_a_snapshot_past_half_its_life_is_renewed(data_dir: object) -> None:
    ServerFactory(id="files")
    keys = ring()
    documents.publish(["files"], Kind.POLICY, keys)
    documents.publish(["files"], Kind.INCIDENT, keys)
    made = SignedDocument.objects.get(kind=Kind.POLICY)
    assert made.renew_at is not None
    assert documents.due(1, made.published_at) == []
    assert documents.due(1, made.renew_at) == [("files", Kind.POLICY)]


def test_a_raised_generation_has_everything_published_anew(data_dir: object) -> None:
    ServerFactory(id="files")
    keys = ring()
    documents.publish(["files"], Kind.POLICY, keys)
    documents.publish(["files"], Kind.INCIDENT, keys)
    made = SignedDocument.objects.get(kind=Kind.POLICY)
    assert documents.due(2, made.published_at) == [("files", Kind.INCIDENT), ("files", Kind.POLICY)]


def test_an_incident_state_too_large_to_be_read_stops_the_server(data_dir: object) -> None:
    ServerFactory(id="files")
    expires = datetime(2100, 1, 1, tzinfo=UTC)
    RevokedToken.objects.bulk_create(RevokedToken(jti=f"{n:060}", expires_at=expires, actor="ada") for n in range(2000))
    keys = ring()
    (outcome,) = documents.publish(["files"], Kind.INCIDENT, keys)
    assert outcome.document is not None
    payload = unseal(outcome.document.envelope.encode(), PayloadType.INCIDENT, keys.key_list.of(Role.INCIDENT))
    state = read_incident(payload)
    assert [switch.target for switch in state.kill_switches] == ["all"]


def test_a_policy_that_grew_by_itself_past_what_an_edit_may_make_is_still_published(
    data_dir: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    ServerFactory(id="files")
    monkeypatch.setattr("controlplane.policy.compile.LARGEST", 10)
    (outcome,) = documents.publish(["files"], Kind.POLICY, ring())
    assert outcome.document is not None
    assert documents.LARGEST[Kind.POLICY] < MAX_BYTES
