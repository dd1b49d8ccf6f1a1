from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from controlplane.receipts.append_only import TABLES, install, install_after_migrate, uninstall
from controlplane.receipts.models import Conflict, Receipt, ReceiptIndex
from controlplane.receipts.services import ingest_batch
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def gate() -> Iterator[Sender]:
    install(connection)
    gate = Sender("gate").enrol()
    ingest_batch(gate.batch([gate.receipt(receipt_id="one"), gate.receipt(receipt_id="one")]))
    yield gate
    uninstall(connection)


@pytest.mark.parametrize("model", [Receipt, ReceiptIndex, Conflict])
def test_the_database_refuses_to_change_or_delete_what_is_stored(gate: Sender, model: type[Model]) -> None:
    assert model._default_manager.exists()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        model._default_manager.update(chain_id="other")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table}")


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="INSERT OR REPLACE is SQLite's")
def test_replacing_a_row_is_refused_too(gate: Sender) -> None:
    table = Receipt._meta.db_table
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite knows neither TRUNCATE nor replicas")
@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize(
    "statement", ["TRUNCATE {}", "TRUNCATE {} CASCADE", "DELETE FROM {}", "UPDATE {} SET chain_id=''"]
)
@pytest.mark.parametrize("table", TABLES)
def test_neither_truncating_nor_playing_a_replica_gets_past_the_triggers(
    gate: Sender, table: str, statement: str, mode: str
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL session_replication_role = {mode}")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(statement.format(table))
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert Receipt.objects.exists()


def test_every_migration_brings_missing_triggers_back(gate: Sender) -> None:
    uninstall(connection)
    install_after_migrate()
    install_after_migrate()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Receipt.objects.update(subject="nobody")
    assert {"receipts_receipt", "receipts_receiptindex", "receipts_conflict"} == set(TABLES)


def test_ingest_goes_on_under_the_triggers(gate: Sender) -> None:
    gate.sequence = 1
    gate.parent = ReceiptIndex.objects.get(sequence=1).receipt_hash
    assert ingest_batch(gate.batch(gate.receipts(2))).stored == 2
