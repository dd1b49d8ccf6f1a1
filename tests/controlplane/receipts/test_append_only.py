import sys
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from controlplane.principals.models import Group
from controlplane.receipts.append_only import install, install_after_migrate, missing, protected, uninstall
from controlplane.receipts.models import Conflict, Receipt, ReceiptIndex
from controlplane.receipts.partition_function import prepare_after_migrate
from controlplane.receipts.services import ingest_batch
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db
RECEIPTS = [Receipt, ReceiptIndex, Conflict]
TABLES = [model._meta.db_table for model in RECEIPTS]
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="INSERT OR REPLACE is SQLite's")
on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite knows neither TRUNCATE nor replicas nor partitions"
)


@pytest.fixture
def gate() -> Iterator[Sender]:
    install(connection)
    gate = Sender("gate").enrol()
    ingest_batch(gate.batch([gate.receipt(receipt_id="one"), gate.receipt(receipt_id="one")]))
    yield gate
    uninstall(connection)


def execute(statement: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)


def with_partitions() -> list[str]:
    """The receipts table and each of its partitions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relid::text FROM pg_partition_tree('receipts_receipt') ORDER BY 1")
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.parametrize("model", RECEIPTS)
def test_the_database_refuses_to_change_or_delete_what_is_stored(gate: Sender, model: type[Model]) -> None:
    assert model._default_manager.exists()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        model._default_manager.update(chain_id="other")
    with pytest.raises(IntegrityError, match="append-only"):
        execute(f"DELETE FROM {model._meta.db_table}")


@on_sqlite
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("table", TABLES)
def test_replacing_a_row_by_itself_changes_nothing_and_by_another_is_refused(
    gate: Sender, table: str, recursive: str
) -> None:
    columns = [field.column for field in apps.get_model("receipts", table.removeprefix("receipts_"))._meta.fields]
    forged = ", ".join("sequence + 1" if column == "sequence" else column for column in columns)
    execute(f"PRAGMA recursive_triggers = {recursive}")
    try:
        assert execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}") == 0
        with pytest.raises(IntegrityError, match="append-only"):
            execute(f"INSERT OR REPLACE INTO {table} SELECT {forged} FROM {table}")
    finally:
        execute("PRAGMA recursive_triggers = ON")


@on_sqlite
@pytest.mark.parametrize("table", ["receipts_receipt", "receipts_receiptindex"])
def test_another_receipt_does_not_replace_the_one_in_its_place(gate: Sender, table: str) -> None:
    columns = [field.column for field in apps.get_model("receipts", table.removeprefix("receipts_"))._meta.fields]
    renamed = ", ".join("'another'" if column == "receipt_id" else column for column in columns)
    with pytest.raises(IntegrityError, match="another row has this place"):
        execute(f"INSERT OR REPLACE INTO {table} SELECT {renamed} FROM {table}")


@on_postgresql
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


@on_postgresql
@pytest.mark.parametrize("mode", ["origin", "replica"])
def test_every_partition_refuses_what_the_whole_table_refuses(gate: Sender, mode: str) -> None:
    _, *partitions = with_partitions()
    assert len(partitions) == 6
    with connection.cursor() as cursor:
        for partition in partitions:
            cursor.execute(f"INSERT INTO {partition} SELECT * FROM receipts_receipt LIMIT 0")
            cursor.execute(f"SET LOCAL session_replication_role = {mode}")
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                cursor.execute(f"TRUNCATE {partition}")
    home = Receipt.objects.extra(select={"home": "tableoid::regclass::text"}).values_list("home", flat=True).get()
    for act in (f"UPDATE {home} SET line = ''", f"DELETE FROM {home}"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(act)


@on_postgresql
def test_a_trigger_that_is_gone_or_asleep_on_one_partition_is_missed_and_comes_back(gate: Sender) -> None:
    *_, last = with_partitions()
    for harm in (
        f"DROP TRIGGER receipts_receipt_keep_truncate ON {last}",
        f"ALTER TABLE {last} ENABLE TRIGGER receipts_receipt_keep_truncate",
        f"ALTER TABLE {last} DISABLE TRIGGER receipts_receipt_keep_update",
        "DROP TRIGGER receipts_receipt_keep_delete ON receipts_receipt",
    ):
        assert missing(connection) == []
        execute(harm)
        assert missing(connection)
        install(connection)
    assert missing(connection) == []


@pytest.mark.parametrize("table", TABLES)
def test_every_migration_brings_missing_triggers_back(gate: Sender, table: str) -> None:
    uninstall(connection)
    assert f"{table}_keep_update on {table}" in missing(connection)
    install_after_migrate()
    install_after_migrate()
    prepare_after_migrate()
    assert missing(connection) == []
    with pytest.raises(IntegrityError, match="append-only"):
        execute(f"UPDATE {table} SET chain_id = ''")


def test_the_system_check_names_each_missing_trigger(gate: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("check", "--database", "default")
    on = "" if connection.vendor == "sqlite" else " ON receipts_receipt"
    execute(f"DROP TRIGGER receipts_receipt_keep_delete{on}")
    with pytest.raises(CommandError, match=r"receipts\.E001.*receipts_receipt_keep_delete on receipts_receipt"):
        call_command("check", "--database", "default")
    call_command("check")  # nothing is asked of a database that nobody named
    monkeypatch.setattr(sys, "argv", ["manage.py", "migrate"])
    call_command("check", "--database", "default")


def test_ingest_goes_on_under_the_triggers(gate: Sender) -> None:
    gate.sequence = 1
    gate.parent = ReceiptIndex.objects.get(sequence=1).receipt_hash
    lines = gate.receipts(2)
    assert ingest_batch(gate.batch(lines)).stored == 2
    assert ingest_batch(gate.batch(lines)).known == 2


def test_receipts_and_every_history_are_protected() -> None:
    histories = {model._meta.db_table for model in apps.get_models() if model.__name__.startswith("Historical")}
    checkpoints = {"receipts_checkpoint", "receipts_stretch", "receipts_archive", "receipts_archived"}
    assert {table.name for table in protected()} == set(TABLES) | checkpoints | histories


def test_a_history_can_be_added_to_and_not_changed() -> None:
    install(connection)
    group = Group.objects.create(name="finance")
    group.save()
    table = Group.history.model._meta.db_table
    for act in (f"UPDATE {table} SET name = ''", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="append-only"):
            execute(act)
    group.delete()
    assert [past.history_type for past in Group.history.order_by("history_id")] == ["+", "~", "-"]
    uninstall(connection)
