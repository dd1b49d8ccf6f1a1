"""Very many receipts and tools, stored once for every bench that reads them. `RECEIPTS` and `TOOLS` say how many."""

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from controlplane.inventory.models import LEVEL_NAMES, Server, Tool
from controlplane.receipts.append_only import uninstall
from controlplane.receipts.services import ingest_batch
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text
from tests.controlplane.factories import trust_level
from tests.controlplane.receipts.sending import Sender

RECEIPTS = int(os.environ.get("RECEIPTS", "4000"))
TOOLS = int(os.environ.get("TOOLS", "2000"))
A_BATCH, A_CHAIN = 200, max(RECEIPTS // 10 // 200 * 200, 200)
APART_S = 0.02  # a million within six hours


@dataclass(frozen=True, slots=True)
class Many:
    """What is stored: `took_s` is how long the receipts took, the making of them left out."""

    receipts: int
    tools: int
    took_s: float


@pytest.fixture(scope="package")
def many(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Many]:
    """Of ten servers."""
    with django_db_blocker.unblock():
        for name in LEVEL_NAMES:
            trust_level(name)
        try:
            _tools()
            took_s = _receipts()
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
            yield Many(RECEIPTS, TOOLS, took_s)
        finally:
            uninstall(connection)
            call_command("flush", verbosity=0, interactive=False)
            for name in LEVEL_NAMES:  # rows of a migration, which other tests find there
                trust_level(name)


def _tools() -> None:
    level = trust_level("internal")
    Server.objects.bulk_create(
        Server(id=f"server-{n}", title="x", trust_level=level, credential_mode="none") for n in range(10)
    )
    Tool.objects.bulk_create(
        (Tool(server_id=f"server-{n % 10}", name=f"tool-{n}", risk="LOW", input_schema={}) for n in range(TOOLS)),
        batch_size=1000,
    )


def _receipts() -> float:
    sender, took, begins = Sender("gate").enrol(), 0.0, time.time() - RECEIPTS * APART_S
    genesis: JsonObject | None = None
    for first in range(0, RECEIPTS, A_BATCH):
        if sender.sequence >= A_CHAIN:
            genesis = {"previous_chain_id": sender.chain_id, "previous_sequence": sender.sequence}
            sender = sender.next_start()
        numbers = range(first, min(first + A_BATCH, RECEIPTS))
        lines = []
        for number in numbers:
            more = {"genesis": genesis} if genesis and not sender.sequence else {}
            lines.append(_receipt(sender, number, begins + number * APART_S, **more))
        batch = sender.batch(lines)
        began = time.perf_counter()
        taken = ingest_batch(batch)
        took += time.perf_counter() - began
        assert taken.stored == len(numbers), taken
    return took


def _receipt(sender: Sender, number: int, at: float, **more: JsonObject) -> str:
    """Of usual size; one in seven is a refusal."""
    refused = number % 7 == 0
    decision = {
        "result": "deny" if refused else "allow",
        "reason_codes": ["DENY_NO_MATCHING_RULE" if refused else "ALLOW_POLICY_MATCH"],
        "snapshot_version": 12,
        "incident_epoch": 84,
    }
    return sender.receipt(
        principal={"sub": f"agent-{number % 500}", "issuer": "drawbridge", "actor_type": "agent"},
        mcp={"server_id": f"server-{number % 10}", "tool_name": f"tool-{number % 400}", "method": "tools/call"},
        decision=decision,  # type: ignore[arg-type]
        trace_id=uuid.uuid4().hex,
        event_time=to_text(at),
        facts={"now": at, "lease_age_s": 0.5, "definition": "same", "rates": {}, "constraints": {}},
        request={
            "args_redacted": {"path": "string"},
            "size_bytes_in": 212,
            "args_hash": f"hmac-sha256:k1:{number:064x}",
        },
        **more,
    )
