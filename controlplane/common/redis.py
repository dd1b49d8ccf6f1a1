"""Clients of the two Redis instances: short timeouts, no silent retries."""

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

TIMEOUT_S = 1.0


def connect(url: str, *, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """A client that raises `redis.RedisError` within `timeout_s` (twice that where it has to connect first)."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0), protocol=2
    )


def subscriber(client: redis.Redis) -> PubSub:
    """Gets messages only, not the answers to its own subscribing."""
    made: PubSub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    return made


def command(client: redis.Redis, *words: str) -> None:
    """One command whose answer is of no interest."""
    client.execute_command(*words)  # type: ignore[no-untyped-call]
