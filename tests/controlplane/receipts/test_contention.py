"""Several that store receipts at once, and somebody who holds a lock. SQLite has one writer, and little of this."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from controlplane.receipts import patience
from controlplane.receipts.exporting import verify_stored
from controlplane.receipts.models import Conflict, Receipt, ReceiptIndex
from controlplane.receipts.services import ack_heads, ingest_batch
from controlplane.receipts.store import Taken
from controlplane.receipts.tasks import ingest
from tests.controlplane.receipts.databases import session
from tests.controlplane.receipts.sending import Sender
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite locks no single table or row")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def closing(work: Callable[[], Taken]) -> Taken:
    """In a thread, with a connection of its own."""
    try:
        return work()
    finally:
        connection.close()


def test_workers_that_store_the_same_batches_at_once_store_each_receipt_once() -> None:
    gate = Sender("gate").enrol()
    lines = gate.receipts(12)
    batches = [gate.batch(lines[at : at + 6]) for at in (0, 3, 6)] * 3
    with ThreadPoolExecutor(4) as workers:
        taken = list(workers.map(lambda batch: closing(lambda: ingest_batch(batch)), batches))
    assert sum(one.stored for one in taken) == 12
    assert not any(one.conflicts or one.refused for one in taken)
    assert Receipt.objects.count() == ReceiptIndex.objects.count() == 12
    assert ack_heads("gate") == [(gate.chain_id, 12, gate.parent)]


@on_postgresql
def test_an_id_that_another_chain_is_just_taking_is_stored_once_and_the_second_is_kept_aside() -> None:
    first, second = Sender("first").enrol(), Sender("second").enrol()
    batches = [sender.batch([sender.receipt(receipt_id="one")]) for sender in (first, second)]
    with ThreadPoolExecutor(1) as other, session() as watcher:
        with transaction.atomic():
            assert ingest_batch(batches[0]).stored == 1
            later = other.submit(closing, lambda: ingest_batch(batches[1]))
            wait_for(lambda: watcher.execute(WAITING).fetchone() == (1,), "the second waits for the first")
        assert later.result(30) == Taken(conflicts=1)
    assert [receipt.enforcer_id for receipt in Receipt.objects.all()] == ["first"]
    assert [conflict.enforcer_id for conflict in Conflict.objects.all()] == ["second"]
    assert verify_stored().problems == []


@on_postgresql
@pytest.mark.parametrize("table", ["receipts_receipt", "receipts_receiptindex", "receipts_chain", "fleet_enforcer"])
def test_a_locked_table_makes_a_batch_come_again_and_hangs_nobody(
    table: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(patience, "LOCK_S", 0.2)
    gate = Sender("gate").enrol()
    batch = gate.batch(gate.receipts(2))
    with session() as other:
        other.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")  # type: ignore[arg-type]
        with pytest.raises(OperationalError, match="lock timeout"):
            ingest_batch(batch)
        ingest(batch.decode())
    assert "a batch was not stored now: canceling statement due to lock timeout" in caplog.text
    assert not ReceiptIndex.objects.exists()
    ingest(batch.decode())
    assert ack_heads("gate") == [(gate.chain_id, 2, gate.parent)]


@on_postgresql
def test_a_statement_that_takes_too_long_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "STATEMENT_S", 0.2)
    with pytest.raises(OperationalError, match="statement timeout"), patience.patience(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(30)")
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",), "it holds for one transaction"
