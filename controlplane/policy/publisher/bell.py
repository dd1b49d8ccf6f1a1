"""Waiting for work: a hint through Redis, or one poll interval."""

import time

import redis

from controlplane.common.redis import connect, subscriber
from controlplane.policy.wake import CHANNEL

POLL_S = 0.2  # for the hint that was lost; without Redis there are none at all
UNHEARD_POLL_S = 0.05
AGAIN_S = 0.5


class Bell:
    """Subscribed where Redis is there; where it isn't, a plain sleep."""

    def __init__(self, url: str) -> None:
        self._client = connect(url)
        self._hints = subscriber(self._client)
        self._subscribed = False
        self._again_at = 0.0

    def wait(self, at_most_s: float) -> None:
        """Until somebody rings, at most one poll."""
        if not self._subscribed and not self._subscribe():
            time.sleep(min(UNHEARD_POLL_S, at_most_s))
            return
        try:
            self._hints.get_message(timeout=min(POLL_S, at_most_s))
            while self._hints.get_message(timeout=0):
                pass
        except redis.RedisError:
            self._subscribed = False
            self._hints.reset()

    def close(self) -> None:
        """Let go of the connection."""
        self._hints.close()
        self._client.close()

    def _subscribe(self) -> bool:
        if time.monotonic() < self._again_at:
            return False
        try:
            self._hints.subscribe(CHANNEL)
            self._subscribed = True
        except redis.RedisError:
            self._hints.reset()
            self._again_at = time.monotonic() + AGAIN_S
        return self._subscribed
