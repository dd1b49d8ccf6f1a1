"""A checkpoint a minute, where receipts came. In a thread of its own: what it reads must not hold up a kill."""

import logging
import threading

from django.db import Error as DatabaseError
from django.db import IntegrityError, connection
from django.utils import timezone

from controlplane.common.errors import DomainError
from controlplane.policy.publisher.keys import KeyFiles, KeysProblemError, read_ring
from controlplane.receipts.checkpoints import make_next
from enforcer.contract.keys import Role

log = logging.getLogger(__name__)
EVERY_S = 60.0


class CheckpointKeeper(threading.Thread):
    """Begins at once: what came while no publisher ran is covered first."""

    def __init__(self, files: KeyFiles, stopping: threading.Event, *, every_s: float = EVERY_S) -> None:
        super().__init__(name="checkpoints", daemon=True)
        self._files, self._stopping, self._every_s = files, stopping, every_s

    def run(self) -> None:
        """Until told to stop. What fails now is made good by the next round."""
        while not self._stopping.is_set():
            try:
                while not self._stopping.is_set() and self._make():
                    pass
            except IntegrityError:
                log.info("another publisher made the next checkpoint")
            except DomainError as problem:  # of receipts alone: kills and leases go on
                log.error("no checkpoint: %s", problem)
            except (DatabaseError, KeysProblemError) as problem:
                log.warning("no checkpoint this time: %r", type(problem).__name__)
                connection.close()
            self._stopping.wait(self._every_s)
        connection.close()

    def _make(self) -> bool:
        """The log is where one goes that no database can take back."""
        ring = read_ring(self._files)
        made = make_next(key=ring.signing[Role.CHECKPOINT], generation=ring.generation, now=timezone.now())
        if made is not None:
            log.info("checkpoint %d over %d receipts, %s", made.number, made.size, made.payload_hash)
        return made is not None
