"""The ingest worker, and a file whose age says whether its loop turns with a broker at the other end.

`celery inspect ping` can't tell it: remote control is switched off.
"""

from pathlib import Path
from typing import Any

from celery import bootsteps

from controlplane.receipts.worker import FollowEnforcers, app
from deploy.health.worker import ALIVE

EVERY_S = 2.0

__all__ = ["app"]


class Alive(bootsteps.StartStopStep):  # type: ignore[misc]  # celery has no types
    """Touches the file while the worker is connected."""

    requires = (FollowEnforcers,)

    def start(self, consumer: Any) -> None:
        """Called whenever the worker is connected to the broker."""
        self.entry = consumer.timer.call_repeatedly(EVERY_S, Path(ALIVE).touch)
        Path(ALIVE).touch()

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - celery calls it so
        """Called when the connection is lost or the worker ends."""
        self.entry.cancel()


app.steps["consumer"].add(Alive)
