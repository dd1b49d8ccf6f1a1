"""Each condition, met by what really makes it so."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.fleet.models import Enforcer
from controlplane.incidents.services import raise_kill
from controlplane.notices import conditions
from controlplane.notices.conditions import NEED_REDIS, Look, look
from controlplane.notices.kinds import KINDS
from controlplane.observability.services import INGEST, beat
from controlplane.policy.models import SignedDocument
from controlplane.receipts.models import Chain, Conflict, ReceiptIndex
from controlplane.receipts.services import ingest_batch
from enforcer.contract.fleet import Heartbeat, ServerState
from tests.controlplane.actors import ADA
from tests.controlplane.commands import run
from tests.controlplane.factories import ServerFactory
from tests.controlplane.fleet.fake_enforcer import FakeEnforcer
from tests.controlplane.receipts.sending import Sender
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def edge(valkey: Valkey, broker: Valkey, data_dir: Path) -> Iterator[FakeEnforcer]:
    """An enforcer of `files` that was heard of, and a publisher."""
    ServerFactory(id="files")
    with RunningPublisher():
        assert run("enroll", "edge", "--server", "files").code == 0
        with FakeEnforcer("edge", ["files"], data_dir / "enforcers" / "edge", valkey) as fake:
            wait_for(lambda: Enforcer.objects.filter(last_seen_at__isnull=False).exists(), "it to be heard of")
            yield fake


def long_ago() -> None:
    """What is published was so some time ago."""
    SignedDocument.objects.update(published_at=timezone.now() - timedelta(minutes=5))


def found(kind: str) -> dict[str, str]:
    return {about: text for (kind_, about), text in look().found.items() if kind_ == kind}


def test_a_fleet_that_is_well_has_nothing_to_tell(edge: FakeEnforcer) -> None:
    beat(part=INGEST, at=timezone.now())
    wait_for(lambda: look() == Look({}) or None, "nothing to tell")
    long_ago()
    wait_for(lambda: look() == Look({}) or None, "nothing to tell, of older documents too")


def test_a_stop_that_an_enforcer_does_not_confirm_is_told_and_who_it_is(edge: FakeEnforcer) -> None:
    edge.in_flight = 1
    raise_kill(target="server:files", reason="r", actor=ADA)
    wait_for(lambda: SignedDocument.objects.filter(kind="incident", number=2).exists(), "the signed state")
    assert not found("kill_not_converged")  # it is new
    long_ago()
    wait_for(lambda: found("kill_not_converged"), "what is not confirmed")
    assert "edge" in found("kill_not_converged")["files"]
    edge.in_flight = 0
    wait_for(lambda: not found("kill_not_converged"), "the confirmation")


def test_an_enforcer_that_is_not_heard_of_any_more_is_told(edge: FakeEnforcer, valkey: Valkey) -> None:
    edge.__exit__(None, None, None)
    assert not found("enforcer_silent")
    wait_for(lambda: found("enforcer_silent"), "its last heartbeat to run out", timeout_s=30)
    long_ago()
    assert not found("kill_not_converged")  # nothing is stopped
    raise_kill(target="server:files", reason="r", actor=ADA)
    wait_for(lambda: SignedDocument.objects.filter(kind="incident", number=2).exists(), "the signed state")
    long_ago()
    assert "edge" in found("kill_not_converged")["files"]  # nobody knows whether it holds the switch
    Enforcer.objects.update(decommissioned_at=timezone.now())
    assert look().found == {}


def test_old_news_are_told_of_the_enforcers_own_servers_and_of_nothing_that_it_invents(edge: FakeEnforcer) -> None:
    old = ServerState(snapshot_version=1, incident_epoch=1, in_flight_matching=0, lease_age_s=31.0)
    beat = Heartbeat(
        schema=1,
        generation=1,
        issued_at="2026-11-27T08:00:00.000Z",
        enforcer_id="edge",
        boot_nonce="b",
        counter=1,
        servers={"files": old, "an\ninvention": old},
        journal_depth=0,
    )
    enforcers = list(Enforcer.objects.prefetch_related("servers"))
    told = dict(conditions._of_the_fleet(enforcers, {"edge": beat}, timezone.now()))
    assert told == {("policy_old", "edge/files"): "edge has old news of files: its lease is 31 s old"}


def test_one_that_never_ran_is_told_nobody(valkey: Valkey, broker: Valkey, data_dir: Path) -> None:
    ServerFactory(id="files")
    with RunningPublisher():
        assert run("enroll", "edge", "--server", "files").code == 0
        long_ago()
        assert not found("enforcer_silent")
        assert not found("kill_not_converged")


def test_a_publisher_that_stopped_is_told(edge: FakeEnforcer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "SIGNED_S", -1.0)
    assert found("publisher_stopped")


def test_a_redis_that_is_away_is_told_and_nobody_calls_the_fleet_silent(edge: FakeEnforcer, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    seen = look()
    assert ("redis_away", "") in seen.found
    assert seen.unknown == NEED_REDIS
    assert not [kind for kind, _ in seen.found if kind in NEED_REDIS]


def test_an_ingest_worker_without_a_pulse_is_told(data_dir: Path) -> None:
    assert not found("ingest_stopped")  # none ever ran here
    beat(part=INGEST, at=timezone.now() - timedelta(minutes=1))
    assert "60 s ago" in found("ingest_stopped")[""]


def test_gaps_and_receipts_that_contradict_are_told_by_enforcer(data_dir: Path) -> None:
    Chain.objects.create(chain_id="c", enforcer_id="edge", contiguous_to=3)
    ReceiptIndex.objects.create(receipt_id="r", chain_id="c", sequence=9, parent_hash="p", receipt_hash="h")
    Conflict.objects.create(enforcer_id="edge", chain_id="c", sequence=1, line=b"{}", problem="p")
    assert list(found("chain_gap")) == ["edge"]
    assert list(found("receipt_conflict")) == ["edge"]
    Conflict.objects.update(seen_at=timezone.now() - timedelta(days=1))
    assert not found("receipt_conflict")


def test_a_journal_that_went_back_is_told_by_enforcer(data_dir: Path) -> None:
    gate = Sender("edge").enrol()
    ingest_batch(gate.batch([gate.receipt() for _ in range(5)]))
    third = ReceiptIndex.objects.get(chain_id=gate.chain_id, sequence=3).receipt_hash
    follows = {"previous_chain_id": gate.chain_id, "previous_sequence": 5, "boot_nonce": "x"}
    good = Sender("edge", gate.key, parent=gate.parent)
    ingest_batch(good.batch([good.receipt(genesis=follows)]))
    assert not found("journal_rolled_back")
    back = Sender("edge", gate.key, parent=third)
    ingest_batch(back.batch([back.receipt(genesis={**follows, "previous_sequence": 3})]))
    assert "after receipt 3" in found("journal_rolled_back")["edge"]
    Chain.objects.update(first_seen=timezone.now() - timedelta(days=2))
    assert not found("journal_rolled_back")


def test_two_chains_that_follow_one_are_a_copied_host(data_dir: Path) -> None:
    gate = Sender("edge").enrol()
    ingest_batch(gate.batch([gate.receipt()]))
    follows = {"previous_chain_id": gate.chain_id, "previous_sequence": 1, "boot_nonce": "x"}
    for _ in range(2):
        again = Sender("edge", gate.key, parent=gate.parent)
        ingest_batch(again.batch([again.receipt(genesis=follows)]))
    assert found("journal_rolled_back")


def test_a_chain_that_is_here_before_the_rest_of_the_last_one_is_no_journal_that_went_back(data_dir: Path) -> None:
    gate = Sender("edge").enrol()
    late = [gate.receipt() for _ in range(5)]
    ingest_batch(gate.batch(late[:2]))
    again = Sender("edge", gate.key, parent=gate.parent)
    follows = {"previous_chain_id": gate.chain_id, "previous_sequence": 5, "boot_nonce": "x"}
    ingest_batch(again.batch([again.receipt(genesis=follows)]))
    assert not found("journal_rolled_back")
    ingest_batch(gate.batch(late))
    assert not found("journal_rolled_back")


def test_every_kind_but_the_database_has_a_condition() -> None:
    source = Path(conditions.__file__).read_text()
    assert {kind for kind in KINDS if f'"{kind}"' in source} == KINDS.keys() - {"database_away"}
