"""What Redis holds beyond a restored database: by number, and by content where a number was given out again."""

import pytest

from controlplane.common.redis import connect
from controlplane.incidents.models import KillSwitch
from controlplane.incidents.services import raise_kill
from controlplane.policy import waiting
from controlplane.policy.models import Published, SignedDocument
from controlplane.policy.restored import Newer, newer_in_redis
from enforcer.contract import redis_names
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory
from tests.controlplane.running import RunningPublisher, ring
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lost(valkey: Valkey) -> SignedDocument:
    """A kill that enforcers have, and that the rows no longer know: restored to what was before it."""
    ServerFactory(id="files")
    with RunningPublisher():
        wait_for(lambda: Published.objects.filter(incident__isnull=False, snapshot__isnull=False), "documents")
        before = Published.objects.get().incident
        change = raise_kill(target="tool:files/x", reason="lost", actor=ADA).change_id
        assert change is not None
        assert waiting.wait_published(change, 10)
        wait_for(lambda: valkey.client.get(redis_names.incident("files")) == newest().envelope.encode(), "it in Redis")
    Published.objects.update(incident=before)
    KillSwitch.objects.all().delete()
    return newest()


def newest() -> SignedDocument:
    return SignedDocument.objects.filter(kind="incident").latest("number")


def found(valkey: Valkey) -> Newer:
    return newer_in_redis(connect(valkey.url), ring().key_list)


def test_a_higher_number_is_newer_and_its_stops_are_kept(lost: SignedDocument, valkey: Valkey) -> None:
    newer = found(valkey)
    assert (set(newer.incidents), newer.snapshots) == ({"files"}, {})
    assert list(newer.keep_stops(actor=ADA, reason="restored")) == ["kept: kill switch on tool:files/x"]
    assert KillSwitch.objects.get().target == "tool:files/x"


def test_another_document_of_the_same_number_is_newer_too(lost: SignedDocument, valkey: Valkey) -> None:
    """The restored database gave the number out again, for something else."""
    SignedDocument.objects.filter(pk=lost.pk).update(envelope="another one of this number")
    Published.objects.update(incident=lost)
    assert set(found(valkey).incidents) == {"files"}


def test_what_the_rows_know_is_not_newer(lost: SignedDocument, valkey: Valkey) -> None:
    Published.objects.update(incident=lost)
    assert found(valkey) == Newer()


def test_what_nobody_of_ours_signed_is_nothing(lost: SignedDocument, valkey: Valkey) -> None:
    valkey.client.set(redis_names.incident("files"), b'{"forged": true}')
    assert found(valkey).incidents == {}
