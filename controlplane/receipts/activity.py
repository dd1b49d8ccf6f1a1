"""What was decided lately: by the minute and by decision, and which refusals there were most of.

Only the newest receipts are looked at, so that a page costs the same however many there are.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet
from django.db.models.functions import Substr

from controlplane.receipts.models import Receipt
from enforcer.contract.times import to_text

MOST = 20_000  # receipts looked at
MINUTES = 60
REFUSALS = 6
TO_THE_MINUTE = len("2026-01-31T12:00")


@dataclass(frozen=True, slots=True)
class Minute:
    """Decisions within one minute, `2026-01-31T12:00` for instance."""

    starts: str
    allow: int = 0
    require_approval: int = 0
    deny: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.allow + self.require_approval + self.deny


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often one caller was refused a tool for the same reasons."""

    reason_codes: str
    server_id: str
    tool_name: str
    subject: str
    count: int


@dataclass(frozen=True, slots=True)
class Activity:
    """Of the last hour, or of the newest `MOST` receipts where those are younger: then `since` says from when on."""

    minutes: tuple[Minute, ...]
    refusals: tuple[Refusal, ...]
    since: str

    @property
    def total(self) -> int:
        """Decisions in all."""
        return sum(minute.total for minute in self.minutes)

    @property
    def most(self) -> int:
        """In the busiest minute."""
        return max((minute.total for minute in self.minutes), default=0)


def lately(now: datetime) -> tuple[QuerySet[Receipt], str]:
    """Receipts of the last hour, or the newest `MOST` of them and since when those are."""
    begins = to_text((now - timedelta(minutes=MINUTES - 1)).replace(second=0, microsecond=0).timestamp())
    until = to_text((now + timedelta(minutes=1)).timestamp())  # a clock that is years ahead pushes nothing out
    newest = Receipt.objects.filter(event_time__gte=begins, event_time__lte=until)
    times = newest.order_by("-event_time", "-receipt_id").values_list("event_time", flat=True)
    oldest = times[MOST : MOST + 1].first()
    return newest.filter(event_time__gt=oldest) if oldest else newest, oldest or ""


def activity(now: datetime) -> Activity:
    """Up to now."""
    begins = (now - timedelta(minutes=MINUTES - 1)).replace(second=0, microsecond=0)
    looked, oldest = lately(now)
    decided = looked.exclude(result="")
    found: dict[str, Counter[str]] = {}
    rows = decided.values_list(Substr("event_time", 1, TO_THE_MINUTE), "result").annotate(count=Count("receipt_id"))
    for starts, result, count in rows:
        found.setdefault(starts, Counter())[result] += count
    return Activity(tuple(_minutes(begins, now, found)), tuple(_refusals(decided)), oldest)


def _minutes(begins: datetime, now: datetime, found: dict[str, Counter[str]]) -> Iterator[Minute]:
    at = begins
    while at <= now:
        starts = to_text(at.timestamp())[:TO_THE_MINUTE]
        count = found.get(starts, Counter())
        yield Minute(starts, count["allow"], count["require_approval"], count["deny"])
        at += timedelta(minutes=1)


def _refusals(decided: QuerySet[Receipt]) -> Iterator[Refusal]:
    columns = ("reason_codes", "server_id", "tool_name", "subject")
    rows = decided.filter(result="deny").values_list(*columns).annotate(count=Count("receipt_id"))
    for row in rows.order_by("-count", *columns)[:REFUSALS]:
        yield Refusal(*row)
