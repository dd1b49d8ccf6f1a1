"""The fast path from a commit to the publisher: a hint without content. A lost hint costs one poll, nothing else."""

import redis
from django.conf import settings

from controlplane.common.redis import connect
from enforcer.contract.redis_names import PREFIX

CHANNEL = PREFIX + "wake"


def wake() -> None:
    """Best effort, at most 0.4 s where Redis is frozen."""
    if not settings.REDIS_URL:
        return
    try:
        with connect(settings.REDIS_URL, timeout_s=0.2) as client:
            client.publish(CHANNEL, b"")
    except redis.RedisError:
        pass
