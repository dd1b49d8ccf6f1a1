"""Pages over very much: server time of each, and how many questions it asks. Recorded.

`pytest tests/bench -rP` shows the figures.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlplane.incidents.models import KillSwitch
from controlplane.incidents.services import raise_kill
from controlplane.receipts.models import Receipt
from tests.bench.conftest import Many
from tests.controlplane.actors import ADA
from tests.controlplane.browsing import signed_in

EACH = 5
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
    "/admin/incidents/killswitch/{switch}/change/",
    "/admin/incidents/killswitch/effect/?target=all",
    "/admin/incidents/killswitch/effect/?target=tool:server-3/*",
    "/admin/notices/notice/",
)


@pytest.mark.timeout(7200)
def test_pages_over_very_much(many: Many, db: None, record_property: Callable[[str, object], None]) -> None:
    switch = raise_kill(target="server:server-3", reason="INC-7", actor=ADA).switch
    assert switch
    KillSwitch.objects.update(raised_at=timezone.now() - timedelta(hours=3))  # a story with many calls in it
    client = signed_in("auditor", also=("policy owner",))
    receipt = Receipt.objects.order_by("-event_time").values_list("receipt_id", flat=True)[0]
    for page in PAGES:
        path, took = page.format(receipt=receipt, switch=switch.pk), []
        for _ in range(EACH):
            with CaptureQueriesContext(connection) as queries:
                began = time.perf_counter()
                answer = client.get(path)
                took.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, path
        said = f"{median(took):7.1f} ms, {len(queries):3d} queries"
        record_property(page, said)
        sys.stdout.write(f"{said}  {page}\n")
        assert len(queries) < 60
