"""From saved to published: the outbox, how long publishing takes, what is newest and how old its leases are."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, F, Min
from django.utils import timezone
from prometheus_client.core import Metric

from controlplane.incidents.models import KillSwitch
from controlplane.observability.leases import age_s
from controlplane.observability.readings.family import gauge, gauges
from controlplane.policy.models import ChangedServer, Published

RECENT = timedelta(minutes=10)
MOST = 1000
QUANTILES = (0.5, 0.9, 1.0)


def read() -> Iterator[Metric]:
    """Five questions to the database."""
    now = timezone.now()
    yield from _outbox(now)
    yield _latency(now)
    yield from _published()
    raised = KillSwitch.objects.filter(lowered_at__isnull=True).count()
    yield gauge("kill_switches_active", "Kill switches that are raised", raised)


def _outbox(now: datetime) -> Iterator[Metric]:
    waiting = ChangedServer.objects.filter(document__isnull=True, error="")
    found = waiting.aggregate(rows=Count("id"), oldest=Min("change__created_at"))
    age = (now - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    yield gauge("outbox_waiting", "Changes of a server that the publisher has not published", found["rows"])
    yield gauge("outbox_oldest_seconds", "Age of the oldest change that waits", max(0.0, age))
    failed = ChangedServer.objects.exclude(error="").filter(change__created_at__gte=now - RECENT).count()
    yield gauge("uncompiled_changes", "Changes of the last ten minutes that could not be compiled", failed)


def _latency(now: datetime) -> Metric:
    done = ChangedServer.objects.filter(document__published_at__gte=now - RECENT).order_by("-document__published_at")
    took = sorted(
        max(0.0, lasted.total_seconds())
        for lasted in done.values_list(F("document__published_at") - F("change__created_at"), flat=True)[:MOST]
    )
    values = {f"{q:g}": took[min(len(took) - 1, int(q * len(took)))] for q in QUANTILES} if took else {}
    return gauges("publish_seconds", "From saved to published, in the last ten minutes", "quantile", values)


def _published() -> Iterator[Metric]:
    numbers = Published.objects.order_by("server_id").values_list(
        "server_id", "snapshot__number", "incident__number", "lease"
    )
    rows, now = list(numbers), time.time()
    versions = [(server_id, version or 0) for server_id, version, _, _ in rows]
    yield gauges("snapshot_version", "Newest published snapshot of a server", "server", versions)
    epochs = [(server_id, epoch or 0) for server_id, _, epoch, _ in rows]
    yield gauges("incident_epoch", "Newest published incident state of a server", "server", epochs)
    ages = [(server_id, age_s(lease, now)) for server_id, _, _, lease in rows]
    yield gauges("lease_age_seconds", "Since the newest lease of a server was signed", "server", ages)
