"""How much one caller may ask in a minute, counted in the shared cache.

A process tells the shared count only every few requests: a caller may exceed the rate by that much a process, and
reading the policy doesn't cost a write each time. Guessing a token is hopeless; failures are counted so that a program
with an old token learns to stop, and never keep out a right one: a stranger behind the same address could.
"""

import hashlib
import time
from dataclasses import dataclass

from django.core.cache import cache
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

WINDOW_S = 60
CALLER_LIMIT = 1200
FAILED_LIMIT = 60
STEP = 20
BUCKETS = 64  # addresses share these counts: a stranger with many must not fill the cache


@dataclass(slots=True)
class Count:
    """Of one caller in this process: `seen` is the shared count at the last look, `own` what came here since."""

    window: int
    seen: int
    own: int = 0


class PerCaller(BaseThrottle):
    """A token or a signed-in user. Views that stop things have no throttle."""

    counts: dict[str, Count] = {}

    def allow_request(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - the framework's signature
        """Whether the minute has room."""
        key, window = f"api:caller:{request.auth}", _window()
        count = self.counts.get(key)
        if count is None or count.window != window:
            count = self.counts[key] = Count(window, _shared(key, window))
        count.own += 1
        total = count.seen + count.own
        if count.own >= STEP or total == 1:
            count.seen, count.own = _shared(key, window) + count.own, 0
            _share(key, window, count.seen)
        return total <= CALLER_LIMIT

    def wait(self) -> float:
        """To the next window."""
        return _left()


def count_failure(request: Request) -> None:
    """Raises 429 once an address has been wrong too often this minute."""
    address = BaseThrottle().get_ident(request)
    bucket = hashlib.sha256(str(address).encode()).digest()[0] % BUCKETS
    key, window = f"api:failed:{bucket}", _window()
    failed = _shared(key, window)
    if failed >= FAILED_LIMIT:
        raise Throttled(_left(), "too many wrong tokens from this address")
    _share(key, window, failed + 1)


def _window() -> int:
    return int(time.time()) // WINDOW_S


def _left() -> float:
    return WINDOW_S - time.time() % WINDOW_S


def _shared(key: str, window: int) -> int:
    found: tuple[int, int] = cache.get(key, (window, 0))
    return found[1] if found[0] == window else 0


def _share(key: str, window: int, count: int) -> None:
    cache.set(key, (window, count), WINDOW_S * 2)
