"""Many receipts: how fast one ingest worker's transaction takes them, how long searching and verifying take. Recorded.

`pytest tests/bench -rP` shows the figures, `tests.support.postgres` gives a PostgreSQL.
"""

import sys
import time
from collections.abc import Callable

import pytest
from django.db import connection

from controlplane.receipts.exporting import verify_stored
from controlplane.receipts.models import Receipt
from enforcer.contract.times import to_text
from tests.bench.conftest import Many
from tests.controlplane.api.asking import asker, done

SEARCHES = (
    "principal=agent-7", "server=server-3", "tool=tool-3", "decision=deny", "reason=DENY_NO_MATCHING_RULE",
    "principal=agent-7&decision=deny", "since=",
)  # fmt: skip


@pytest.mark.timeout(7200)
def test_storing_searching_and_verifying(many: Many, db: None, record_property: Callable[[str, object], None]) -> None:
    figures = {"stored a second": f"{many.receipts / many.took_s:.0f}", "receipts": str(Receipt.objects.count())}
    who, an_hour_ago = asker(), to_text(time.time() - 3600)
    for search in SEARCHES:
        query = search + an_hour_ago if search == "since=" else search
        done(who.get(f"/receipts?{query}"))
        began = time.perf_counter()
        assert done(who.get(f"/receipts?{query}"))["results"]
        figures[search] = f"{1000 * (time.perf_counter() - began):.1f} ms"
    began = time.perf_counter()
    verified = verify_stored()
    assert verified.problems == []
    assert verified.receipts >= many.receipts
    assert verified.chains >= 2
    figures["verified"] = f"{time.perf_counter() - began:.1f} s"
    figures |= sizes()
    for name, figure in figures.items():
        record_property(name, figure)
        sys.stdout.write(f"{name}: {figure}\n")


def sizes() -> dict[str, str]:
    """Tables and their indexes, on PostgreSQL."""
    if connection.vendor != "postgresql":
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relname LIKE 'receipts_%'"
        )
        return {
            name: f"{table / 2**20:.0f} MiB, indexes {indexes / 2**20:.0f} MiB"
            for name, table, indexes in cursor.fetchall()
            if table > 2**20
        }
