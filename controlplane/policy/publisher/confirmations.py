"""When each enforcer confirmed a change: noted as its own signed word comes in, so that pages tell it in milliseconds.

In a thread of its own, which reads and adds rows: nothing waits for it.
"""

import logging
import threading
import time
from datetime import datetime, timedelta

import redis
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from controlplane.common.redis import connect, subscriber
from controlplane.fleet.models import Confirmation
from controlplane.fleet.publication import publication
from controlplane.policy.models import Change
from controlplane.policy.wake import CHANNEL
from enforcer.contract import redis_names

log = logging.getLogger(__name__)
WATCHED = timedelta(seconds=60)  # who confirms later has no milliseconds, and the page says only that it did
FRESH = timedelta(seconds=2)
POLL_S, LOOK_S, LATER_S, AGAIN_S = 0.25, 1.0, 0.25, 0.5


class ConfirmationKeeper(threading.Thread):
    """Looks at the changes of the last minute when an enforcer says that it applied something, while one is open."""

    def __init__(self, url: str, stopping: threading.Event) -> None:
        super().__init__(name="confirmations", daemon=True)
        self._client = connect(url)
        self._hints = subscriber(self._client)
        self._stopping = stopping
        self._subscribed = False
        self._done: set[int] = set()
        self._open, self._look_at = False, 0.0

    def run(self) -> None:
        """Until told to stop. A database or Redis that fails costs milliseconds on a page, nothing else."""
        while not self._stopping.is_set():
            try:
                if (self._applied() and self._open) or time.monotonic() >= self._look_at:
                    self.step(timezone.now())
            except redis.RedisError:
                self._subscribed = False
                self._hints.reset()
                self._stopping.wait(AGAIN_S)
            except DatabaseError as problem:
                log.warning("confirmations are not noted: %r", type(problem).__name__)
                connection.close()
                self._stopping.wait(AGAIN_S)
        self._hints.close()
        self._client.close()
        connection.close()

    def _applied(self) -> bool:
        """Waits for a hint, at most a poll; whether an enforcer says that it applied something.

        That somebody changed something opens the eyes and no more: the publisher has to get to work on it first.
        """
        if not self._subscribed:
            self._hints.subscribe(CHANNEL)
            self._hints.psubscribe(redis_names.applied("*"))
            self._subscribed = True
        applied, hint = False, self._hints.get_message(timeout=POLL_S)
        while hint:
            changed = hint["channel"] in (CHANNEL, CHANNEL.encode())
            self._open, applied = self._open or changed, applied or not changed
            hint = self._hints.get_message(timeout=0)
        return applied

    def step(self, now: datetime) -> None:
        """Note every confirmation that is new."""
        recent = dict(Change.objects.filter(created_at__gte=now - WATCHED).values_list("id", "created_at"))
        self._done &= recent.keys()
        for change_id in sorted(recent.keys() - self._done):
            if _noted(change_id):
                self._done.add(change_id)
        still = [at for change_id, at in recent.items() if change_id not in self._done]
        self._open, self._look_at = bool(still), time.monotonic() + LOOK_S
        if still and now - max(still) > FRESH:  # somebody is silent: what is left to note is not worth much haste
            self._stopping.wait(LATER_S)


def _noted(change_id: int) -> bool:
    """Note who has confirmed this one since it was looked at last; whether that is everybody now."""
    found = publication([change_id])
    if found is None:
        return True
    new = [word.enforcer_id for word in found.words if word.applied and word.ms is None]
    rows = [Confirmation(change_id=change_id, enforcer_id=enforcer_id, at=found.heard_at) for enforcer_id in new]
    Confirmation.objects.bulk_create(rows, ignore_conflicts=True)
    return found.settled
