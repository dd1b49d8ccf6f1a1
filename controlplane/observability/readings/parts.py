"""What this process stands on: both Redis instances as it sees them, and what it is."""

import platform
from collections.abc import Iterator
from importlib.metadata import version

import redis
from django.conf import settings
from prometheus_client.core import InfoMetricFamily, Metric

from controlplane.common.redis import connect
from controlplane.observability.readings.family import gauge


def read() -> Iterator[Metric]:
    """A ping each; no series for an instance that this process is not told of."""
    instances = (
        ("policy_redis", "the policy Redis", settings.REDIS_URL),
        ("receipts_broker", "the receipts broker", settings.RECEIPTS_BROKER_URL),
    )
    for name, shown, url in instances:
        if url:
            yield gauge(f"{name}_up", f"1 if {shown} answers this process", float(not redis_problem(url)))
    about = {"version": version("drawbridge"), "python": platform.python_version()}
    yield InfoMetricFamily("drawbridge_build", "What runs here", value=about)


def redis_problem(url: str) -> str:
    """Why it doesn't answer; empty if it does."""
    client = connect(url)
    try:
        client.ping()
    except redis.RedisError as problem:
        return type(problem).__name__
    finally:
        client.close()
    return ""
