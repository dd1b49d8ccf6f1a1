"""Evidence: how much is stored, what is missing or contradicts, how far behind the ingest is."""

import math
from collections.abc import Iterator
from datetime import datetime

import redis
from django.conf import settings
from django.db.models import Count, Max, Q, Sum
from django.utils import timezone
from prometheus_client.core import Metric

from controlplane.common.redis import connect
from controlplane.fleet.models import Enforcer
from controlplane.observability.models import Pulse
from controlplane.observability.readings.family import gauge
from controlplane.observability.services import INGEST
from controlplane.receipts.chains import annotated
from controlplane.receipts.models import Chain, Conflict
from controlplane.receipts.partitions import default_partition_rows
from controlplane.receipts.services import OWN_ID
from enforcer.contract.redis_names import receipts_queue


def read() -> Iterator[Metric]:
    """Six questions to the database, one to the broker where this process may ask it."""
    now = timezone.now()
    found = Chain.objects.aggregate(stored=Sum("contiguous_to"), last=Max("last_seen", filter=~Q(enforcer_id=OWN_ID)))
    yield gauge("receipts_stored", "Receipts stored without a gap before them", found["stored"] or 0)
    yield gauge("ingest_last_seconds", "Since an enforcer's receipts were last stored", since(found["last"], now))
    yield from _chains()
    yield gauge("receipt_conflicts", "Receipts that claim a place or an id of another one", Conflict.objects.count())
    yield gauge("default_partition_rows", "Receipts that no month took, at most 1000", default_partition_rows())
    pulse = Pulse.objects.filter(part=INGEST).values_list("at", flat=True).first()
    yield gauge("ingest_pulse_seconds", "Since the ingest worker last beat", since(pulse, now))
    waiting = _waiting()
    if waiting is not None:
        yield gauge("receipts_backlog", "Batches of receipts that wait in the broker", waiting)


def since(at: datetime | None, now: datetime) -> float:
    """Seconds; endless if never."""
    return math.inf if at is None else max(0.0, (now - at).total_seconds())


def _chains() -> Iterator[Metric]:
    """A gap lacks a receipt; a break has it, and it does not name the one before."""
    found = annotated().aggregate(
        gaps=Count("chain_id", filter=Q(later=True, following=False)),
        broken=Count("chain_id", filter=Q(following=True)),
    )
    yield gauge("chains_with_gap", "Chains that lack a receipt before later ones", found["gaps"])
    yield gauge("chains_broken", "Chains whose next receipt does not name the one before", found["broken"])


def _waiting() -> int | None:
    """None where this process has no access to the broker, or it is away."""
    if not settings.RECEIPTS_BROKER_URL:
        return None
    client = connect(settings.RECEIPTS_BROKER_URL)
    try:
        pipeline = client.pipeline(transaction=False)
        for enforcer_id in Enforcer.objects.values_list("id", flat=True):
            pipeline.llen(receipts_queue(enforcer_id))
        return sum(int(length) for length in pipeline.execute())
    except redis.RedisError:
        return None
    finally:
        client.close()
