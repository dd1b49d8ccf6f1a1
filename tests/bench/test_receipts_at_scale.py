"""Many receipts: how fast one ingest worker's transaction takes them, how long searching and verifying take. Recorded.

`RECEIPTS` says how many; `pytest tests/bench -rP` shows the figures, `tests.support.postgres` gives a PostgreSQL.
"""

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from controlplane.inventory.models import LEVEL_NAMES
from controlplane.receipts.exporting import verify_stored
from controlplane.receipts.models import Receipt
from controlplane.receipts.services import ingest_batch
from enforcer.contract.times import to_text
from tests.controlplane.api.asking import asker, done
from tests.controlplane.factories import trust_level
from tests.controlplane.receipts.sending import Sender

RECEIPTS = int(os.environ.get("RECEIPTS", "4000"))
A_BATCH, A_CHAIN = 200, 100_000
TODAY = to_text(time.time())
SEARCHES = (
    "principal=agent-7", "server=files", "tool=tool_3", "decision=deny", "reason=DENY_NO_MATCHING_RULE",
    "principal=agent-7&decision=allow", f"since={TODAY[:10]}",
)  # fmt: skip


@pytest.fixture(scope="module")
def stored(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[float]:
    """Seconds that storing took, the making of them left out."""
    with django_db_blocker.unblock():
        for name in LEVEL_NAMES:
            trust_level(name)
        try:
            yield ingest()
        finally:
            call_command("flush", verbosity=0, interactive=False)
            for name in LEVEL_NAMES:  # rows of a migration, which other tests find there
                trust_level(name)


def ingest() -> float:
    sender, took = Sender("gate").enrol(), 0.0
    for number in range(0, RECEIPTS, A_BATCH):
        if sender.sequence >= A_CHAIN:
            sender = sender.next_start()
        batch = sender.batch([a_receipt(sender, number + place) for place in range(A_BATCH)])
        began = time.perf_counter()
        ingest_batch(batch)
        took += time.perf_counter() - began
    return took


def a_receipt(sender: Sender, number: int) -> str:
    """Of usual size; one in ten is a refusal."""
    refused = number % 10 == 0
    decision = {
        "result": "deny" if refused else "allow",
        "reason_codes": ["DENY_NO_MATCHING_RULE" if refused else "ALLOW_POLICY_MATCH"],
        "snapshot_version": 12,
        "incident_epoch": 84,
    }
    return sender.receipt(
        principal={"sub": f"agent-{number % 500}", "issuer": "drawbridge", "actor_type": "agent"},
        mcp={"server_id": "files", "tool_name": f"tool_{number % 20}", "method": "tools/call"},
        decision=decision,  # type: ignore[arg-type]
        trace_id=uuid.uuid4().hex,
        event_time=TODAY,
        facts={"now": 1795464000.0, "lease_age_s": 0.5, "definition": "same", "rates": {}, "constraints": {}},
        request={
            "args_redacted": {"path": "string"},
            "size_bytes_in": 212,
            "args_hash": f"hmac-sha256:k1:{number:064x}",
        },
    )


@pytest.mark.timeout(7200)
def test_storing_searching_and_verifying(
    stored: float, db: None, record_property: Callable[[str, object], None]
) -> None:
    figures = {"stored a second": f"{RECEIPTS / stored:.0f}", "receipts": str(Receipt.objects.count())}
    who = asker()
    for query in SEARCHES:
        done(who.get(f"/receipts?{query}"))
        began = time.perf_counter()
        assert done(who.get(f"/receipts?{query}"))["results"]
        figures[query] = f"{1000 * (time.perf_counter() - began):.1f} ms"
    began = time.perf_counter()
    assert verify_stored().problems == []
    figures["verified"] = f"{time.perf_counter() - began:.1f} s"
    figures |= sizes()
    for name, figure in figures.items():
        record_property(name, figure)
        sys.stdout.write(f"{name}: {figure}\n")


def sizes() -> dict[str, str]:
    """Tables with their indexes, on PostgreSQL."""
    if connection.vendor != "postgresql":
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relname LIKE 'receipts_%'"
        )
        return {name: f"{size / 2**20:.1f} MiB" for name, size in cursor.fetchall() if size > 2**20}
