"""The pulse of the ingest worker, through everything that a receipt passes there.

The timer turns only with a broker at the other end, the beat waits its turn in the pool that runs the tasks, and it is
a write to the database. A worker whose pool hangs has no pulse, whatever its loop does.
"""

import logging
from typing import Any

from celery import bootsteps
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from controlplane.observability.services import INGEST, beat

EVERY_S = 2.0
log = logging.getLogger(__name__)


class IngestPulse(bootsteps.StartStopStep):  # type: ignore[misc]  # celery has no types
    """Beats while the worker is connected."""

    requires = {"celery.worker.consumer.tasks:Tasks"}

    def start(self, consumer: Any) -> None:
        """Called whenever the worker is connected to the broker."""
        self._waiting = False
        self.entry = consumer.timer.call_repeatedly(EVERY_S, self._ask, (consumer.pool,))
        self._ask(consumer.pool)

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - celery calls it so
        """Called when the connection is lost or the worker ends."""
        self.entry.cancel()

    def _ask(self, pool: Any) -> None:
        """One beat in the pool at a time."""
        if not self._waiting:
            self._waiting = True
            pool.apply_async(self._beat, callback=lambda _: None)

    def _beat(self) -> None:
        try:
            beat(part=INGEST, at=timezone.now())
        except DatabaseError as problem:
            log.warning("the pulse can't be written: %s", str(problem).partition("\n")[0])
        finally:
            self._waiting = False
            close_old_connections()
