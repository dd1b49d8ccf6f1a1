"""Pages over very much: server time of each, and how many questions it asks. Recorded, beside test_receipts_at_scale.

`RECEIPTS` and `TOOLS` say how much; `pytest tests/bench -rP` shows the figures.
"""

import os
import sys
import time
from collections.abc import Callable
from statistics import median

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.inventory.models import Server, Tool
from controlplane.receipts.models import Receipt
from controlplane.receipts.services import ingest_batch
from enforcer.contract.times import to_text
from tests.controlplane.browsing import signed_in
from tests.controlplane.factories import trust_level
from tests.controlplane.receipts.sending import Sender

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3600)]
RECEIPTS = int(os.environ.get("RECEIPTS", "2000"))
TOOLS = int(os.environ.get("TOOLS", "2000"))
A_BATCH, EACH = 200, 5
ALLOWED = {"result": "allow", "reason_codes": ["ALLOW_POLICY_MATCH"]}
DENIED = {"result": "deny", "reason_codes": ["DENY_NO_MATCHING_RULE"]}
PAGES = (
    "/",
    "/live/",
    "/live/?decision=deny&who=agent-7",
    "/find/?q=tool-19",
    "/matrix/server-3/",
    "/admin/receipts/receipt/",
    "/admin/receipts/receipt/?when=month&principal=agent-7",
    "/admin/receipts/receipt/?when=month&decision=deny&reason=DENY_NO_MATCHING_RULE",
    "/admin/receipts/receipt/?when=all&server=server-3",
    "/admin/receipts/receipt/{receipt}/change/",
    "/admin/inventory/tool/",
    "/admin/inventory/tool/reviews/",
    "/admin/inventory/server/",
    "/admin/inventory/server/server-3/change/",
    "/admin/grants/grant/",
    "/admin/policy/change/",
    "/admin/fleet/enforcer/",
    "/admin/incidents/killswitch/effect/?target=all",
    "/admin/incidents/killswitch/effect/?target=tool:server-3/*",
    "/admin/notices/notice/",
)


@pytest.fixture
def much(db: None) -> Client:
    """So many receipts of the last hours, and tools of ten servers."""
    level = trust_level("internal")
    Server.objects.bulk_create(
        Server(id=f"server-{n}", title="x", trust_level=level, credential_mode="none") for n in range(10)
    )
    Tool.objects.bulk_create(
        (Tool(server_id=f"server-{n % 10}", name=f"tool-{n}", risk="LOW", input_schema={}) for n in range(TOOLS)),
        batch_size=1000,
    )
    gate, now = Sender("gate").enrol(), time.time()
    for first in range(0, RECEIPTS, A_BATCH):
        lines = [_receipt(gate, number, now - (RECEIPTS - number) * 0.02) for number in range(first, first + A_BATCH)]
        assert not ingest_batch(gate.batch(lines)).refused
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return signed_in("auditor", also=("policy owner",))


def _receipt(gate: Sender, number: int, at: float) -> str:
    return gate.receipt(
        event_time=to_text(at),
        principal={"sub": f"agent-{number % 50}", "issuer": "drawbridge", "actor_type": "agent"},
        mcp={"server_id": f"server-{number % 10}", "tool_name": f"tool-{number % 400}"},
        decision=DENIED if number % 20 == 0 else ALLOWED,
    )


def test_pages_over_very_much(much: Client, record_property: Callable[[str, object], None]) -> None:
    receipt = Receipt.objects.order_by("-event_time").values_list("receipt_id", flat=True)[0]
    for page in PAGES:
        path, took = page.format(receipt=receipt), []
        for _ in range(EACH):
            with CaptureQueriesContext(connection) as queries:
                began = time.perf_counter()
                answer = much.get(path)
                took.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, path
        said = f"{median(took):7.1f} ms, {len(queries):3d} queries"
        record_property(page, said)
        sys.stdout.write(f"{said}  {page}\n")
        assert len(queries) < 60
