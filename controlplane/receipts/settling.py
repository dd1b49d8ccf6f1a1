"""Waiting until the receipts of all calls that have ended are here."""

import time

import redis
from django.conf import settings

from controlplane.common.errors import StackUnreachable
from controlplane.fleet.heartbeats import fetch
from controlplane.fleet.models import ACTIVE, Enforcer
from enforcer.contract.fleet import Heartbeat

POLL_S = 0.05
SILENT_S = 3.0  # heartbeats come each second

Seen = tuple[Heartbeat, float]


def settle(timeout_s: float) -> bool:
    """Until each enforcer that beats has said, since now, that its journal has nothing unacknowledged."""
    deadline = time.monotonic() + timeout_s
    first: dict[str, Seen] = {}
    client = redis.Redis.from_url(settings.REDIS_URL or "redis://127.0.0.1:1", socket_timeout=2)
    try:
        while not _all_quiet(client, first):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
    except redis.RedisError as problem:
        raise StackUnreachable(f"Redis can't be reached: {type(problem).__name__}; is the control plane up?") from None
    finally:
        client.close()
    return True


def _all_quiet(client: redis.Redis, first: dict[str, Seen]) -> bool:
    beats = fetch(client, list(Enforcer.objects.filter(ACTIVE)))
    now = time.monotonic()
    for id_, beat in beats.items():
        first.setdefault(id_, (beat, now))
    return all(_quiet(beat, first[id_], now) for id_, beat in beats.items())


def _quiet(beat: Heartbeat, first: Seen, now: float) -> bool:
    then, at = first
    if (beat.boot_nonce, beat.counter) == (then.boot_nonce, then.counter):
        return now - at > SILENT_S  # it ended: what it still has comes at its next start
    return beat.journal_depth == 0
