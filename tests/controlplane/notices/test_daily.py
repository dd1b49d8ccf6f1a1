"""The watcher starts the verification of the day, once, a while after its own start; it ends with the watcher."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from controlplane.common.commands import UNREACHABLE
from controlplane.notices import daily
from controlplane.notices.conditions import look
from controlplane.notices.daily import Daily
from controlplane.receipts.models import Chain, Verification
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def test_it_waits_at_first_and_then_starts_one(data_dir: object) -> None:
    clock = Clock()
    begun = Daily(SLEEP, clock)
    begun.step()
    assert begun.running is None
    clock.at += daily.FIRST_AFTER_S
    begun.step()
    process = begun.running
    assert process is not None
    clock.at += daily.LOOK_S
    begun.step()
    assert begun.running is process
    begun.close()
    assert process.poll() is not None


def test_it_starts_none_where_today_is_done_and_goes_on_after_one_that_ended(data_dir: object) -> None:
    clock = Clock()
    begun = Daily((sys.executable, "-c", ""), clock, first_after_s=0)
    begun.step()
    assert begun.running is not None
    assert begun.running.wait() == 0
    begun.step()
    assert begun.running is None
    Verification.objects.create(day=timezone.now().date(), began_at=timezone.now())
    clock.at += daily.LOOK_S
    begun.step()
    assert begun.running is None


def test_the_real_command_is_there(data_dir: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a database it says so, and not that nobody knows such a command."""
    monkeypatch.setenv("DRAWBRIDGE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    begun = Daily(first_after_s=0)
    begun.step()
    process = begun.running
    assert process is not None
    wait_for(lambda: process.poll() is not None, "its end", timeout_s=60)
    assert process.returncode == UNREACHABLE


def test_what_was_wrong_is_told_and_what_is_late(data_dir: object) -> None:
    def kinds() -> set[str]:
        return {kind for kind, _ in look().found} & {"receipts_not_verified", "verification_late"}

    now = timezone.now()
    assert kinds() == set()
    Chain.objects.create(chain_id="c", enforcer_id="gate", contiguous_to=1)
    assert kinds() == set()
    Chain.objects.update(first_seen=now - timedelta(days=3))
    assert kinds() == {"verification_late"}
    row = Verification.objects.create(day=now.date(), began_at=now, ended_at=now, receipts=1)
    assert kinds() == set()
    Verification.objects.update(wrong=2, problems=["line 3: its hash is not that of its content"])
    assert kinds() == {"receipts_not_verified"}
    assert "line 3" in look().found["receipts_not_verified", ""]
    Verification.objects.update(ended_at=now - timedelta(days=3))
    assert kinds() == {"receipts_not_verified", "verification_late"}
    row.delete()
