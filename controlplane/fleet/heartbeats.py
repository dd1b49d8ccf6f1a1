"""What enforcers say of themselves: believed only under their own signature."""

from collections.abc import Sequence
from typing import Protocol, cast

import redis
from django.conf import settings
from django.utils import timezone

from controlplane.common.redis import TIMEOUT_S, connect
from controlplane.fleet.models import ACTIVE, Enforcer
from enforcer.contract import redis_names
from enforcer.contract.documents import DocumentError, read
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.fleet import Heartbeat
from enforcer.contract.keys import PublicKey

LARGEST = 256 * 1024


class Signer(Protocol):
    """Whose heartbeat it has to be."""

    id: str

    @property
    def key(self) -> PublicKey:
        """What its signature holds by."""


def read_heartbeat(enforcer: Signer, raw: bytes) -> Heartbeat | None:
    """The heartbeat, if this enforcer signed it for itself."""
    key = enforcer.key
    try:
        payload = unseal(raw, PayloadType.HEARTBEAT, {key.keyid: key}, max_bytes=LARGEST)
        heartbeat = read(payload, Heartbeat)
    except (EnvelopeError, DocumentError):
        return None
    return heartbeat if heartbeat.enforcer_id == enforcer.id else None


def fetch(client: redis.Redis, enforcers: Sequence[Signer]) -> dict[str, Heartbeat]:
    """Those that are there (they expire after 10 s) and genuine; raises `redis.RedisError`."""
    if not enforcers:
        return {}
    values = cast("list[bytes | None]", client.mget([redis_names.heartbeat(e.id) for e in enforcers]))
    found = {e.id: read_heartbeat(e, raw) for e, raw in zip(enforcers, values, strict=True) if raw is not None}
    return {id_: heartbeat for id_, heartbeat in found.items() if heartbeat is not None}


def heard(enforcers: Sequence[Enforcer], *, timeout_s: float = TIMEOUT_S) -> dict[str, Heartbeat] | None:
    """The same for a page; None where Redis can't be asked, so that nobody takes that for silence."""
    if not settings.REDIS_URL:
        return None
    client = connect(settings.REDIS_URL, timeout_s=timeout_s)
    try:
        return fetch(client, enforcers)
    except redis.RedisError:
        return None
    finally:
        client.close()


def remember(client: redis.Redis) -> None:
    """Note in the rows who was seen; raises `redis.RedisError`."""
    enforcers = list(Enforcer.objects.filter(ACTIVE).order_by("id"))
    seen = fetch(client, enforcers)
    now = timezone.now()
    for enforcer in enforcers:
        heartbeat = seen.get(enforcer.id)
        if heartbeat is not None:
            ages = [state.lease_age_s for state in heartbeat.servers.values() if state.lease_age_s is not None]
            Enforcer.objects.filter(id=enforcer.id).update(last_seen_at=now, last_lease_age_s=min(ages, default=0.0))
