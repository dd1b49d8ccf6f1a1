"""The one task that enforcers may start."""

import time

from celery import shared_task
from django.db import connection

from controlplane.receipts.services import ingest_batch
from enforcer.contract.redis_names import INGEST_TASK

PAUSE_S = 0.015


@shared_task(name=INGEST_TASK, ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def ingest(envelope: str) -> None:
    """Store a batch. SQLite's waiting writers starve beside one that never lets go: hence the pause."""
    ingest_batch(envelope.encode())
    if connection.vendor == "sqlite":
        time.sleep(PAUSE_S)
