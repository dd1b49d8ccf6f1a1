"""How much of the table a question reads, told by PostgreSQL itself."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q, QuerySet
from django.test.utils import CaptureQueriesContext

from controlplane.receipts.exporting import Ends, export_lines, verify_stored
from controlplane.receipts.filters import which
from controlplane.receipts.models import Chain, Receipt
from controlplane.receipts.services import ingest_batch
from enforcer.contract.export import verify_export
from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import chain_head
from tests.controlplane.receipts.months import DEFAULT, execute, month, on_postgresql, partition, partitions
from tests.controlplane.receipts.sending import Sender

pytestmark = [pytest.mark.django_db, on_postgresql]
MONTHS = range(-1, 4)
EACH = 2000
PAGE = 50
KEY = SigningKey.generate()


@pytest.fixture
def filled() -> None:
    """Ten thousand receipts of one chain over five months, and some of no month. So few would be read whole."""
    for way in ("seqscan", "bitmapscan", "sort"):
        execute(f"SET LOCAL enable_{way} = off")
    for ahead in MONTHS:
        moment = f"timestamp '{month(ahead)}-01' + n / 2 * interval '40 minutes'"  # two have the same
        _fill(ahead, f"""to_char({moment}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')""", EACH)
    _fill(9, "'1970'", 10)
    execute("ANALYZE receipts_receipt")


def _fill(block: int, event_time: str, rows: int) -> None:
    execute(
        "INSERT INTO receipts_receipt (receipt_id, line, receipt_type, enforcer_id, chain_id, sequence, event_time,"
        " server_id, tool_name, subject, result, reason_codes, ingested_at)"
        f" SELECT gen_random_uuid(), '', 'x', 'gate', 'chain', {(block + 1) * EACH} + n, {event_time},"
        f" 'files', 'read', 'ada', 'allow', '', now() FROM generate_series(1, {rows}) AS n"
    )


def plan(query: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}")
        (answer,) = cursor.fetchone() or ("",)
    made: dict[str, Any] = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    return made


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", []):
        yield from nodes(below)


def asked(query: QuerySet[Receipt]) -> dict[str, Any]:
    with CaptureQueriesContext(connection) as captured:
        list(query)
    return plan(captured[-1]["sql"])


def read(made: dict[str, Any]) -> dict[str, float]:
    """By table that was really read: rows, those included that were thrown away."""
    scans = [node for node in nodes(made) if "Relation Name" in node and node["Actual Loops"]]
    return {node["Relation Name"]: node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans}


def sorts(made: dict[str, Any]) -> bool:
    return any(node["Node Type"] == "Sort" and node["Actual Rows"] for node in nodes(made))


@pytest.mark.usefixtures("filled")
def test_a_range_of_time_reads_its_months_alone() -> None:
    wanted = which({"since": f"{month(0)}-01", "until": f"{month(2)}-01", "server": "files"})
    made = asked(Receipt.objects.filter(wanted))
    assert read(made) == {partition(0): EACH, partition(1): EACH}


@pytest.mark.usefixtures("filled")
def test_a_range_that_no_month_covers_reads_the_default_partition() -> None:
    made = asked(Receipt.objects.filter(which({"until": "2000-01-01"})))
    assert read(made) == {DEFAULT: 10}


@pytest.mark.usefixtures("filled")
def test_pages_by_time_take_a_few_rows_of_each_month_and_sort_nothing() -> None:
    newest_first = Receipt.objects.order_by("-event_time", "-receipt_id")
    last = newest_first[EACH + 100]
    for _ in range(3):
        before = Q(event_time__lt=last.event_time) | Q(event_time=last.event_time, receipt_id__lt=last.receipt_id)
        page = newest_first.filter(before, event_time__lte=last.event_time)[:PAGE]
        made = asked(page)
        assert sum(read(made).values()) <= PAGE + len(partitions())
        assert not sorts(made)
        last = list(page)[-1]


@pytest.mark.usefixtures("filled")
def test_pages_of_a_chain_take_a_few_rows_of_each_month_and_sort_nothing() -> None:
    Chain.objects.create(chain_id="chain", enforcer_id="gate", contiguous_to=2 * EACH)
    with CaptureQueriesContext(connection) as captured:
        lines = list(export_lines(Q(), lambda chain, stretches: [b"head"] * len(stretches)))
    assert len(lines) == 2 * EACH + 2 * EACH // 1000
    pages = [query["sql"] for query in captured if "LIMIT" in query["sql"] and "receipts_receipt" in query["sql"]]
    assert len(pages) == 2 * EACH // 1000 + 1
    for page in pages:
        made = plan(page)
        assert sum(read(made).values()) <= 1000 + len(partitions())
        assert not sorts(made)


def test_an_export_of_a_chain_over_several_months_is_whole_and_verifies() -> None:
    gate = Sender("gate").enrol()
    times = [f"{month(ahead)}-03T00:00:00.000Z" for ahead in (-1, 0, 1, 0, 2, -1)] + ["1970", "2099", ""]
    lines = [gate.receipt(event_time=time) for time in times]
    ingest_batch(gate.batch(lines))

    def sign_heads(chain: Chain, stretches: Sequence[Ends]) -> list[bytes]:
        return [chain_head(chain.enforcer_id, chain.chain_id, last, chain.head_hash, KEY) for _, last in stretches]

    exported = list(export_lines(Q(), sign_heads))
    assert [line.decode() for line in exported[:-1]] == lines
    assert verify_export(exported, {KEY.public.keyid: KEY.public}).problems == []
    assert verify_stored().problems == []
    execute(f"DROP TABLE {partition(1)}")
    assert verify_stored().problems
