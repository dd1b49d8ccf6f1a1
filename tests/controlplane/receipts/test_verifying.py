"""Everything is verified once a day, whoever asks; the result is kept, and shown."""

from datetime import UTC, date, datetime, timedelta

import pytest

from controlplane.receipts import verifying
from controlplane.receipts.models import Chain, Receipt, Verification
from controlplane.receipts.services import ingest_batch
from controlplane.receipts.verifying import begin_day, due, newest
from tests.controlplane.commands import run
from tests.controlplane.people import client_of
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db(transaction=True)
RECEIPTS = "/admin/receipts/receipt/"


@pytest.fixture
def stored() -> Sender:
    gate = Sender("gate").enrol()
    ingest_batch(gate.batch(gate.receipts(5)))
    return gate


@pytest.fixture(autouse=True)
def _nice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own process keeps its priority, and doesn't wait before it looks again."""
    monkeypatch.setattr("os.nice", lambda _by: 0)
    monkeypatch.setattr(verifying, "AGAIN_AFTER_S", 0.0)


def test_the_result_of_the_day_is_kept_and_on_the_page(stored: Sender) -> None:
    client = client_of("auditor")
    assert "Not verified as a whole yet" in client.get(RECEIPTS).content.decode()
    receipts, chains = Receipt.objects.count(), Chain.objects.count()
    assert run("receipts", "verify", "--daily").code == 0
    found = newest()
    assert found is not None
    assert (found.receipts, found.chains, found.wrong, found.problems) == (receipts, chains, 0, [])
    assert found.day == datetime.now(UTC).date()
    assert f"{receipts} receipts in {chains} chains, 0 checkpoints" in client.get(RECEIPTS).content.decode()


def test_a_changed_receipt_is_found_and_told(stored: Sender) -> None:
    third = Receipt.objects.get(sequence=3)
    Receipt.objects.filter(pk=third.pk).update(line=bytes(third.line).replace(b'"ada"', b'"eve"'))
    done = run("receipts", "verify", "--daily")
    assert done.code == 1
    found = newest()
    assert found is not None
    assert found.wrong >= 1
    assert "its hash is not that of its content" in found.problems[0]
    assert "its hash is not that of its content" in client_of("auditor").get(RECEIPTS).content.decode()


def test_a_receipt_that_was_still_on_its_way_is_nothing_wrong(stored: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    late, then = stored.receipts(1), stored.receipts(2)
    ingest_batch(stored.batch(then))
    monkeypatch.setattr("time.sleep", lambda _s: ingest_batch(stored.batch(late)))
    assert run("receipts", "verify", "--daily").code == 0
    found = newest()
    assert found is not None
    assert (found.receipts, found.wrong) == (8, 0)


def test_a_receipt_that_does_not_come_is_wrong(stored: Sender) -> None:
    stored.receipts(1)
    ingest_batch(stored.batch(stored.receipts(2)))
    assert run("receipts", "verify", "--daily").code == 1
    found = newest()
    assert found is not None
    assert "sequence 6 is missing" in found.problems[0]


def test_a_day_is_verified_once(stored: Sender) -> None:
    assert due(datetime.now(UTC))
    assert run("receipts", "verify", "--daily").code == 0
    assert not due(datetime.now(UTC))
    assert due(datetime.now(UTC) + timedelta(days=1))
    again = run("receipts", "verify", "--daily")
    assert (again.code, again.out) == (0, "")
    assert "already" in again.err
    assert Verification.objects.count() == 1


def test_one_that_broke_off_says_nothing_of_its_day() -> None:
    now = datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert begin_day(day=date(2026, 1, 2), now=now) is not None
    assert begin_day(day=date(2026, 1, 2), now=now) is None
    assert newest() is None
