"""`/readyz`: whether the control plane as a whole does its work, tried from this process.

The database is tried the way that writing goes; the publisher is judged by its leases, the ingest worker by its pulse.
A part that this process may not reach is left to those that may, and said to be so.
"""

import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from controlplane.observability.leases import newest_age_s
from controlplane.observability.models import Pulse
from controlplane.observability.readings.parts import redis_problem
from controlplane.observability.readings.receipts import since
from controlplane.observability.services import INGEST
from controlplane.policy.models import Published
from controlplane.receipts.patience import patience

LEASE_S = 3.0
PULSE_S = 10.0
KEPT_S = 1.0  # anybody may ask: nobody can make it ask the database more often
BUSY_MS = 2000


@dataclass(frozen=True, slots=True)
class Part:
    """`problem` is empty where it is well; `note` says what a reader should know."""

    problem: str = ""
    note: str = ""
    seconds: float | None = None

    def told(self) -> dict[str, object]:
        """For the JSON."""
        return {"ok": not self.problem, "problem": self.problem, "note": self.note, "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class Report:
    """One look at everything."""

    parts: dict[str, Part]

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return not any(part.problem for part in self.parts.values())

    def told(self) -> dict[str, object]:
        """For the JSON."""
        return {"ready": self.ready, "parts": {name: part.told() for name, part in self.parts.items()}}


class Looks:
    """The last report of this process, a second old at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._last = Report({})

    def report(self) -> Report:
        """Look, unless somebody just did."""
        with self._lock:
            if time.monotonic() - self._at >= KEPT_S:
                self._last, self._at = look(), time.monotonic()
            return self._last


def look() -> Report:
    """Try every part now."""
    parts = {
        "policy_redis": _redis(settings.REDIS_URL),
        "receipts_broker": _redis(settings.RECEIPTS_BROKER_URL),
        "database": _database(),
    }
    if parts["database"].problem:
        unknown = Part("the database can't be asked")
        return Report({**parts, "publisher": unknown, "ingest": unknown})
    return Report({**parts, "publisher": _publisher(), "ingest": _ingest()})


def _redis(url: str) -> Part:
    if not url:
        return Part(note="not this process's to reach")
    began = time.monotonic()
    return Part(redis_problem(url), seconds=_since(began))


def _database() -> Part:
    """A transaction that may write: the lock on SQLite, a primary that takes writes on PostgreSQL."""
    began = time.monotonic()
    try:
        problem = _try_sqlite() if connection.vendor == "sqlite" else _try_postgresql()
    except DatabaseError as error:
        connection.close()
        problem = type(error).__name__
    return Part(problem, seconds=_since(began))


def _try_sqlite() -> str:
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        try:
            with transaction.atomic():  # IMMEDIATE: it has the write lock
                cursor.execute("SELECT 1 FROM policy_published LIMIT 1").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {before}")
    return ""


def _try_postgresql() -> str:
    with patience(BUSY_MS / 1000, BUSY_MS / 1000), connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'")
        (reads_only,) = cursor.fetchone() or (True,)
        cursor.execute("SELECT 1 FROM policy_published LIMIT 1")
    return "takes no writes" if reads_only else ""


def _publisher() -> Part:
    leases = list(Published.objects.exclude(lease="").values_list("lease", flat=True))
    if not leases:
        return Part(note="no server yet: nothing to sign")
    age = newest_age_s(leases, time.time())
    problem = "" if age <= LEASE_S else "the newest lease is old"
    return Part(problem, seconds=None if age == float("inf") else round(age, 3))


def _ingest() -> Part:
    at = Pulse.objects.filter(part=INGEST).values_list("at", flat=True).first()
    if at is None:
        return Part("it never beat")
    age = since(at, timezone.now())
    return Part("" if age <= PULSE_S else "its pulse is old", seconds=round(age, 3))


def _since(began: float) -> float:
    return round(time.monotonic() - began, 4)
