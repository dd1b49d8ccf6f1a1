import logging
from collections.abc import Iterator

import pytest
from django.db import connection

from controlplane.receipts import partitions
from controlplane.receipts.append_only import install, missing, uninstall
from controlplane.receipts.exporting import verify_stored
from controlplane.receipts.models import Conflict, Receipt
from controlplane.receipts.partitions import default_partition_rows, maintain
from controlplane.receipts.services import ack_heads, ingest_batch
from controlplane.receipts.store import Taken
from tests.controlplane.receipts import months
from tests.controlplane.receipts.databases import session
from tests.controlplane.receipts.months import DEFAULT, execute, homes, month, on_postgresql, partition
from tests.controlplane.receipts.sending import Sender
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db
STRAYS = {"epoch": "1970-01-01T00:00:00.000Z", "skewed": "2099-12-31T23:59:59.999Z", "none": "", "no time": "soon"}


@pytest.fixture
def gate() -> Iterator[Sender]:
    install(connection)
    yield Sender("gate").enrol()
    uninstall(connection)


def dated(gate: Sender, id_: str, day: str) -> str:
    return gate.receipt(receipt_id=id_, event_time=f"{day}T12:00:00.000Z")


def test_receipts_of_any_time_are_stored_and_acknowledged(gate: Sender) -> None:
    lines = [gate.receipt(receipt_id=id_, event_time=time) for id_, time in STRAYS.items()]
    assert ingest_batch(gate.batch(lines)) == Taken(stored=len(STRAYS))
    assert ack_heads("gate") == [(gate.chain_id, len(STRAYS), gate.parent)]
    assert verify_stored().problems == []
    on_postgresql_rows = len(STRAYS) if connection.vendor == "postgresql" else 0
    assert default_partition_rows() == on_postgresql_rows


def test_a_receipt_that_comes_again_with_another_time_is_not_stored_twice(gate: Sender) -> None:
    later = Sender("gate", gate.key, gate.chain_id)
    ingest_batch(gate.batch([dated(gate, "one", f"{month(-1)}-28")]))
    assert ingest_batch(gate.batch([dated(later, "one", f"{month(0)}-01")])) == Taken(conflicts=1)
    moved = Sender("gate", gate.key, gate.chain_id)
    assert ingest_batch(gate.batch([dated(moved, "two", f"{month(0)}-01")])) == Taken(conflicts=1)
    assert [receipt.receipt_id for receipt in Receipt.objects.all()] == ["one"]
    assert Conflict.objects.count() == 2


def test_without_partitions_there_is_nothing_to_maintain() -> None:
    before = connection.introspection.table_names()
    maintain()
    assert connection.introspection.table_names() == before


@on_postgresql
def test_last_month_this_month_and_three_more_have_a_partition() -> None:
    maintain()
    assert {partition(ahead) for ahead in range(-1, 4)} | {DEFAULT} <= set(months.partitions())


@on_postgresql
def test_a_receipts_own_time_says_where_it_lies_and_late_ones_are_no_exception(gate: Sender) -> None:
    ingest_batch(gate.batch([dated(gate, "now", f"{month(0)}-01"), dated(gate, "late", f"{month(-1)}-28")]))
    assert homes() == {"now": partition(0), "late": partition(-1)}
    assert default_partition_rows() == 0


@on_postgresql
def test_a_month_that_is_missing_refuses_nothing_and_is_made_again_with_its_rows(gate: Sender) -> None:
    execute(f"DROP TABLE {partition(2)}")
    days = [("first", f"{month(2)}-01"), ("last", f"{month(2)}-28"), ("after", f"{month(3)}-01")]
    ingest_batch(gate.batch([dated(gate, id_, day) for id_, day in days] + [gate.receipt(receipt_id="old")]))
    assert homes()["first"] == homes()["last"] == DEFAULT
    before = months.lines()
    maintain()
    assert homes() == {"first": partition(2), "last": partition(2), "after": partition(3), "old": DEFAULT}
    assert months.lines() == before
    assert default_partition_rows() == 1
    assert missing(connection) == []
    assert verify_stored().problems == []


@on_postgresql
def test_maintaining_twice_makes_nothing_twice(caplog: pytest.LogCaptureFixture) -> None:
    execute(f"DROP TABLE {partition(3)}")
    with caplog.at_level(logging.INFO):
        maintain()
        maintain()
    assert caplog.messages == [f"partition {partition(3)} made"]


@on_postgresql
@pytest.mark.parametrize("ahead", [-2, 13, 1200])
def test_the_function_makes_no_other_months(ahead: int) -> None:
    with pytest.raises(Exception, match="partitions are made for the months from"):
        execute(f"SELECT receipts_make_partition({ahead})")


@on_postgresql
def test_the_alarm_counts_no_further_than_it_must(gate: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "COUNTED", 2)
    ingest_batch(gate.batch([gate.receipt(event_time="1970") for _ in range(5)]))
    assert default_partition_rows() == 2


@pytest.fixture
def unprotected(transactional_db: None) -> Iterator[None]:
    """The flush after the test empties partitions that were made in it."""
    yield
    maintain()
    uninstall(connection)


@on_postgresql
@pytest.mark.usefixtures("unprotected")
def test_a_lock_that_somebody_holds_delays_maintenance_and_not_the_publisher(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(partitions, "LOCK_S", 0.1)
    execute(f"DROP TABLE {partition(3)}")
    with session() as other:
        other.execute("BEGIN; LOCK TABLE receipts_receipt IN ACCESS EXCLUSIVE MODE")
        maintain()
        other.execute("ROLLBACK")
    assert "+3 months from now can't be made: canceling statement due to lock timeout" in caplog.text
    assert partition(3) not in months.partitions()
    maintain()
    assert partition(3) in months.partitions()


@on_postgresql
@pytest.mark.usefixtures("unprotected")
def test_the_publisher_makes_the_coming_months(valkey: Valkey) -> None:
    execute(f"DROP TABLE {partition(2)}")
    with RunningPublisher():
        wait_for(lambda: partition(2) in months.partitions(), "the partition")
