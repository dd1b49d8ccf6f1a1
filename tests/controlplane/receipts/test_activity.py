"""What was decided lately, by the minute: true counts, of a bounded number of receipts."""

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.dashboard.chart import HEIGHT, LEAST, columns
from controlplane.receipts import activity as module
from controlplane.receipts.activity import MINUTES, Minute, activity
from controlplane.receipts.services import ingest_batch, record_admin_receipt
from enforcer.contract.times import to_text
from tests.controlplane.browsing import signed_in
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 31, 12, 30, 20, tzinfo=UTC)
DENIED = {"result": "deny", "reason_codes": ["DENY_NO_GRANT"]}
WAITS = {"result": "require_approval", "reason_codes": ["REQUIRE_APPROVAL_RISK"]}


@pytest.fixture
def gate() -> Sender:
    return Sender("gate").enrol()


def sent(gate: Sender, at: datetime, count: int, **more: object) -> None:
    lines = [gate.receipt(event_time=to_text(at.timestamp()), **more) for _ in range(count)]  # type: ignore[arg-type]
    assert ingest_batch(gate.batch(lines)).stored == count


def test_each_minute_of_the_hour_counts_what_was_decided_in_it(gate: Sender) -> None:
    sent(gate, NOW, 2)
    sent(gate, NOW, 1, decision=DENIED)
    sent(gate, NOW - timedelta(minutes=3), 1, decision=WAITS)
    sent(gate, NOW - timedelta(minutes=MINUTES), 5)
    sent(gate, NOW + timedelta(days=900), 5)
    record_admin_receipt(actor="ada", action="kill.raise", detail={})
    found = activity(NOW)
    assert [minute for minute in found.minutes if minute.total] == [
        Minute("2026-01-31T12:27", require_approval=1),
        Minute("2026-01-31T12:30", allow=2, deny=1),
    ]
    assert (len(found.minutes), found.total, found.most, found.since) == (MINUTES, 4, 3, "")


def test_the_refusals_there_were_most_of_stand_first_with_who_and_where(gate: Sender) -> None:
    sent(gate, NOW, 1, decision=DENIED)
    sent(gate, NOW, 3, decision=DENIED, principal={"sub": "bob"}, mcp={"server_id": "mail", "tool_name": "send"})
    first, second = activity(NOW).refusals
    assert (first.count, first.subject, first.server_id, first.tool_name) == (3, "bob", "mail", "send")
    assert (second.count, second.subject, second.reason_codes) == (1, "ada", "DENY_NO_GRANT")


def test_of_very_many_only_the_newest_are_counted_and_it_says_since_when(
    gate: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    for minute in range(4):
        sent(gate, NOW - timedelta(minutes=minute), 4)
    sent(gate, NOW + timedelta(days=900), 20)
    found = activity(NOW)
    assert found.since == "2026-01-31T12:28:20.000Z"
    assert found.total == 8


def test_the_tallest_column_fills_the_chart_and_the_least_is_seen() -> None:
    made = columns([Minute("2026-01-31T12:00", allow=5000, deny=1), Minute("2026-01-31T12:01")], 5001)
    assert [box.tone for box in made[0].boxes] == ["good", "bad"]
    assert made[0].boxes[1].height == LEAST
    assert sum(box.height for box in made[0].boxes) <= HEIGHT
    assert (made[1].boxes, made[0].says) == ((), "12:00 UTC: 5000 allowed, 0 to approve, 1 denied")


def test_the_overview_draws_it_and_tells_the_numbers(gate: Sender) -> None:
    sent(gate, datetime.now(UTC), 2)
    sent(gate, datetime.now(UTC), 1, decision=DENIED)
    page = signed_in("auditor").get("/").content.decode()
    assert page.count('<rect class="good"') in (1, 2)  # a minute may end between
    assert '<td class="number">1</td>' in page
    assert "principal=ada" in page
