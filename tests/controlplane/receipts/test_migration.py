from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from controlplane.receipts.checks import triggers_exist
from controlplane.receipts.exporting import verify_stored
from enforcer.contract.receipt import open_line
from tests.controlplane.receipts.databases import Database, session, signed_in
from tests.controlplane.receipts.months import month, on_postgresql, partition
from tests.controlplane.receipts.sending import Sender

pytestmark = [pytest.mark.django_db, pytest.mark.system, on_postgresql]
TIMES = [
    "2026-01-31T23:59:59.999Z",
    "2026-02-01T00:00:00.000Z",
    "1970-01-01T00:00:00.000Z",
    "2099-01-01",
    "",
    "2026-01",
]
PLACES = "SELECT receipt_id, tableoid::regclass::text FROM receipts_receipt"
RELKIND = "SELECT relkind::text FROM pg_class WHERE relname = 'receipts_receipt'"
INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename = 'receipts_receipt' ORDER BY 1"
COLLATION = """
    SELECT collation_name FROM information_schema.columns
    WHERE table_name = 'receipts_receipt' AND column_name = 'event_time'
"""
COLUMNS = "receipt_id, line, receipt_type, enforcer_id, chain_id, sequence, event_time, server_id, tool_name, subject"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path)
    yield made
    made.drop()


def move_to(database: Database, state: str) -> None:
    """The receipts alone, forwards or backwards."""
    with signed_in(database.name):
        MigrationExecutor(connections["default"]).migrate([("receipts", state)])


def store(database: Database, lines: list[str]) -> None:
    """As the version before partitions stored them: one chain."""
    with session(database.name) as opened:
        for line in lines:
            link, receipt = open_line(line.encode())
            index = (link.receipt_id, link.chain_id, link.sequence, link.parent_hash, link.receipt_hash)
            opened.execute("INSERT INTO receipts_receiptindex VALUES (%s, %s, %s, %s, %s)", index)
            row = (link.receipt_id, line.encode(), "x", "gate", link.chain_id, link.sequence, receipt["event_time"])
            values = "(%s, %s, %s, %s, %s, %s, %s, '', '', '', '', '', now())"
            opened.execute(
                f"INSERT INTO receipts_receipt ({COLUMNS}, result, reason_codes, ingested_at) VALUES {values}", row
            )
        opened.execute(
            "INSERT INTO receipts_chain VALUES (%s, 'gate', %s, %s, '', now(), now())",
            (link.chain_id, link.sequence, link.receipt_hash),
        )


def test_receipts_that_are_there_already_move_into_their_months_unchanged(database: Database) -> None:
    move_to(database, "0001_initial")
    assert database.rows(RELKIND) == [("r",)]
    gate = Sender("gate")
    times = [*TIMES, f"{month(0)}-02T00:00:00.000Z", f"{month(2)}-02T00:00:00.000Z"]
    store(database, [gate.receipt(receipt_id=str(n), event_time=time) for n, time in enumerate(times)])
    everything = f"SELECT {COLUMNS} FROM receipts_receipt ORDER BY receipt_id"
    before = database.rows(everything)

    database.manage("migrate", "--verbosity", "0")
    assert database.rows(RELKIND) == [("p",)]
    assert database.rows(everything) == before
    homes = ["2026_01", "2026_02", *["default"] * 4]
    expected = [*(f"receipts_receipt_{home}" for home in homes), partition(0), partition(2)]
    assert database.rows(f"{PLACES} ORDER BY receipt_id") == [(str(n), home) for n, home in enumerate(expected)]
    with signed_in(database.name):
        assert verify_stored().problems == []
        assert triggers_exist(databases=["default"]) == []

    for state in ("0001_initial", "0003_partitions"):
        move_to(database, state)
    assert database.rows(everything) == before


def test_a_database_that_was_migrated_has_the_indexes_of_a_new_one(database: Database) -> None:
    database.manage("migrate", "--verbosity", "0")
    with connection.cursor() as cursor:
        cursor.execute(INDEXES)
        assert database.rows(INDEXES) == cursor.fetchall()
    assert database.rows(COLLATION) == [("C",)]
    indexes = [line for (line,) in database.rows(INDEXES)]
    assert len(indexes) == 5
    assert any("(receipt_id, event_time)" in line and "UNIQUE" in line for line in indexes)
    assert any("(event_time, receipt_id)" in line for line in indexes)
