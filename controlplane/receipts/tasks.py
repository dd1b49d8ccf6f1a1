"""The one task that enforcers may start."""

import logging
import time

from celery import shared_task
from django.db import OperationalError, connection

from controlplane.inventory.discovery import take_in
from controlplane.receipts.services import ingest_batch
from enforcer.contract.redis_names import INGEST_TASK

log = logging.getLogger(__name__)
PAUSE_S = 0.015


@shared_task(name=INGEST_TASK, ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def ingest(envelope: str) -> None:
    """Store a batch. SQLite's waiting writers starve beside one that never lets go: hence the pause.

    What the database does not take now is dropped: it is in its enforcer's journal, which sends it until it is stored.
    Definitions in it are taken in afterwards, with the next batch where that does not work now.
    """
    try:
        ingest_batch(envelope.encode())
        take_in()
    except OperationalError as problem:
        log.warning("a batch was not stored now: %s", str(problem).partition("\n")[0])
    if connection.vendor == "sqlite":
        time.sleep(PAUSE_S)
