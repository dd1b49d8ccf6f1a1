"""What Prometheus reads is what database and Redis say, for whoever holds the token, in a bounded number of queries."""

import math
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.fleet.models import Enforcer
from controlplane.incidents.services import raise_kill
from controlplane.observability.services import INGEST, beat
from controlplane.policy import waiting
from controlplane.policy.models import Change, ChangedServer
from controlplane.policy.services import policy_changed
from controlplane.receipts.services import ingest_batch
from enforcer.contract import redis_names
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Heartbeat, ServerState
from enforcer.contract.times import to_text
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory
from tests.controlplane.observability.conftest import TOKEN, Samples
from tests.controlplane.receipts.sending import Sender
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
Scrape = Callable[[], Samples]


def changed(server_id: str) -> int:
    return policy_changed(server_ids=[server_id], actor=ADA, reason="a test")


def sends(sender: Sender, lines: list[str]) -> None:
    assert not ingest_batch(sender.batch(lines)).refused


@pytest.mark.parametrize(
    "authorization", [None, TOKEN, f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
def test_without_the_token_nothing_is_told(client: Client, token: str, authorization: str | None) -> None:
    answer = client.get("/metrics", headers={"Authorization": authorization} if authorization else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert b"drawbridge" not in answer.content


@pytest.mark.parametrize("text", [None, "", "short"])
def test_without_a_token_file_worth_the_name_there_is_no_such_page(
    client: Client, tmp_path: Path, settings: Settings, text: str | None
) -> None:
    settings.METRICS_TOKEN_FILE = tmp_path / "metrics.token"
    if text is not None:
        settings.METRICS_TOKEN_FILE.write_text(text)
    for sent in (text or "", TOKEN):
        assert client.get("/metrics", headers={"Authorization": f"Bearer {sent}"}).status_code == 404


def test_a_token_that_was_exchanged_counts_at_once(client: Client, token: str, settings: Settings) -> None:
    settings.METRICS_TOKEN_FILE.write_text("n" * 40)
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer " + "n" * 40}).status_code == 200


def test_nobody_can_post(client: Client, token: str) -> None:
    assert client.post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405


def test_a_system_with_nothing_in_it_says_so(scrape: Scrape, data_dir: Path) -> None:
    found = scrape()
    assert (found["outbox_waiting"], found["receipts_stored"], found["enforcers_enrolled"]) == (0, 0, 0)
    assert found["ingest_pulse_seconds"] == found["ingest_last_seconds"] == math.inf
    assert "policy_redis_up" not in found


def test_what_is_saved_waits_until_it_is_published_and_then_has_a_version_a_lease_and_a_time(
    scrape: Scrape, valkey: Valkey
) -> None:
    ServerFactory(id="files")
    change = changed("files")
    Change.objects.filter(id=change).update(created_at=timezone.now() - timedelta(seconds=30))
    found = scrape()
    assert found["outbox_waiting"] == 1
    assert 30 <= found["outbox_oldest_seconds"] < 60
    with RunningPublisher():
        assert waiting.wait_published(change, 10)
        wait_for(lambda: scrape()['lease_age_seconds{server="files"}'] < 5, "a lease")
        found = scrape()
    assert (found["outbox_waiting"], found["outbox_oldest_seconds"]) == (0, 0)
    assert found['snapshot_version{server="files"}'] == 1
    assert found['incident_epoch{server="files"}'] == 1
    assert found['publish_seconds{quantile="1"}'] >= 30
    assert found['publish_seconds{quantile="0.5"}'] >= 0
    assert found["policy_redis_up"] == 1
    age = scrape()['lease_age_seconds{server="files"}']
    assert wait_for(lambda: scrape()['lease_age_seconds{server="files"}'] > age, "it grows without a publisher")


def test_what_could_not_be_compiled_is_counted(scrape: Scrape, data_dir: Path) -> None:
    ServerFactory(id="files")
    ChangedServer.objects.filter(change_id=changed("files")).update(error="a pattern")
    found = scrape()
    assert (found["outbox_waiting"], found["uncompiled_changes"]) == (0, 1)


def test_raised_switches_are_counted_and_their_reasons_not_told(
    client: Client, token: str, scrape: Scrape, data_dir: Path
) -> None:
    ServerFactory(id="files")
    raise_kill(target="server:files", reason="canary7reason", actor=ADA)
    assert scrape()["kill_switches_active"] == 1
    assert b"canary7" not in client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).content


def says(sender: Sender, valkey: Valkey, **state: Any) -> None:
    """A heartbeat about `files`."""
    server = ServerState(
        **{"snapshot_version": 0, "incident_epoch": 0, "in_flight_matching": 0, "lease_age_s": 0.5, "problems": (),
           "snapshot_hash": "", "incident_hash": "", **state}
    )  # fmt: skip
    beat_ = Heartbeat(
        schema=SCHEMA,
        generation=1,
        issued_at=to_text(time.time()),
        enforcer_id=sender.enforcer_id,
        boot_nonce="boot",
        counter=1,
        servers={"files": server},
        journal_depth=7,
    )
    valkey.client.set(redis_names.heartbeat(sender.enforcer_id), signed(beat_, PayloadType.HEARTBEAT, sender.key))


def test_the_fleet_is_counted_by_its_own_word(scrape: Scrape, valkey: Valkey) -> None:
    server = ServerFactory(id="files")
    live, silent, unseen = (Sender(name).enrol() for name in ("live", "silent", "unseen"))
    for sender in (live, silent, unseen):
        Enforcer.objects.get(id=sender.enforcer_id).servers.add(server)
    Enforcer.objects.filter(id="silent").update(last_seen_at=timezone.now())
    says(live, valkey)
    with RunningPublisher():
        assert waiting.wait_published(changed("files"), 10)
        assert waiting.wait_published(changed("files"), 10)
        wait_for(lambda: scrape().get('incident_epoch{server="files"}'), "an incident state")
    found = scrape()
    assert [found[f'enforcers{{state="{state}"}}'] for state in ("live", "silent", "unseen")] == [1, 1, 1]
    assert [found[f'enforcer_live{{enforcer="{name}"}}'] for name in ("live", "silent", "unseen")] == [1, 0, 0]
    assert found['enforcer_versions_behind{enforcer="live"}'] == found['snapshot_version{server="files"}'] == 2
    assert found['enforcer_epochs_behind{enforcer="live"}'] == 1
    assert found['enforcer_journal_depth{enforcer="live"}'] == 7
    assert 'enforcer_journal_depth{enforcer="silent"}' not in found


def test_without_redis_nobody_is_called_silent(scrape: Scrape, valkey: Valkey) -> None:
    Sender("gate").enrol()
    valkey.stop()
    found = scrape()
    assert (found["enforcers_enrolled"], found["policy_redis_up"]) == (1, 0)
    assert not [name for name in found if name.startswith(("enforcers{", "enforcer_live"))]
    valkey.start()


def test_stored_receipts_gaps_breaks_and_conflicts_are_counted(scrape: Scrape, data_dir: Path) -> None:
    gate = Sender("gate").enrol()
    sends(gate, gate.receipts(3))
    found = scrape()
    assert (found["receipts_stored"], found["chains_with_gap"], found["chains_broken"]) == (3, 0, 0)
    assert found["ingest_last_seconds"] < 60

    gapped = gate.next_start()
    _, *later = gapped.receipts(3)
    sends(gapped, later)
    found = scrape()
    assert (found["receipts_stored"], found["chains_with_gap"], found["chains_broken"]) == (3, 1, 0)

    broken = gate.next_start()
    first = broken.receipts(1)
    broken.parent = "sha256:" + "1" * 64
    sends(broken, [*first, *broken.receipts(1)])
    found = scrape()
    assert (found["receipts_stored"], found["chains_with_gap"], found["chains_broken"]) == (4, 1, 1)

    twice = Sender("gate", gate.key, chain_id=gate.chain_id)
    sends(twice, twice.receipts(1))
    assert scrape()["receipt_conflicts"] == 1
    assert scrape()["default_partition_rows"] >= 0


def test_the_control_planes_own_receipts_are_no_sign_of_the_ingest(scrape: Scrape, data_dir: Path) -> None:
    ServerFactory(id="files")
    raise_kill(target="server:files", reason="a test", actor=ADA)
    found = scrape()
    assert found["receipts_stored"] >= 1
    assert found["ingest_last_seconds"] == math.inf


def test_batches_that_wait_in_the_broker_are_counted(scrape: Scrape, broker: Valkey) -> None:
    Sender("gate").enrol()
    broker.client.lpush(redis_names.receipts_queue("gate"), "one", "two")
    found = scrape()
    assert (found["receipts_backlog"], found["receipts_broker_up"]) == (2, 1)
    broker.stop()
    found = scrape()
    assert found["receipts_broker_up"] == 0
    assert "receipts_backlog" not in found
    broker.start()


def test_the_pulse_of_the_ingest_worker_ages(scrape: Scrape, data_dir: Path) -> None:
    beat(part=INGEST, at=timezone.now() - timedelta(seconds=30))
    assert 30 <= scrape()["ingest_pulse_seconds"] < 60
    beat(part=INGEST, at=timezone.now())
    assert scrape()["ingest_pulse_seconds"] < 30


def test_the_number_of_queries_does_not_grow(scrape: Scrape, valkey: Valkey, broker: Valkey) -> None:
    def fill(numbers: range) -> int:
        for number in numbers:
            server = ServerFactory(id=f"s{number}")
            changed(server.id)
            gate = Sender(f"gate-{number}").enrol()
            Enforcer.objects.get(id=gate.enforcer_id).servers.add(server)
            sends(gate, gate.receipts(2))
        with CaptureQueriesContext(connection) as queries:
            scrape()
        return len(queries)

    few = fill(range(2))
    assert fill(range(2, 20)) == few <= 25


def test_a_database_that_is_away_is_no_empty_page(client: Client, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from controlplane.observability import views

    def away(_accept: str) -> tuple[bytes, str]:
        raise OperationalError("redis://admin:canary7@h")

    monkeypatch.setattr(views, "text", away)
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 503
    assert b"canary7" not in answer.content
