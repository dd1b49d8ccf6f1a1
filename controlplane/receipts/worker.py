"""The ingest worker: a Celery app of its own that knows one task, one broker user and no signing key.

It consumes `receipts.<enforcer_id>` of every enrolled enforcer and follows the table each second.
"""

import logging
import os
import ssl
import warnings
from typing import Any

import django
from celery import Celery, bootsteps, signals
from celery.platforms import SecurityWarning
from kombu.entity import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - Django must be set up first
from django.db import DatabaseError, close_old_connections  # noqa: E402

from controlplane.fleet.models import Enforcer  # noqa: E402
from controlplane.observability.ingest_pulse import IngestPulse  # noqa: E402
from controlplane.receipts.patience import patience  # noqa: E402
from controlplane.receipts.services import OWN_ID  # noqa: E402
from enforcer.contract.redis_names import receipts_queue  # noqa: E402

log = logging.getLogger(__name__)
warnings.filterwarnings("ignore", category=SecurityWarning)  # no pickle is read here, root or not
FOLLOW_S = 1.0
IDLE = receipts_queue(OWN_ID)  # Celery wants a queue to start with; nobody can push into this one

app = Celery("drawbridge-ingest", broker=settings.RECEIPTS_BROKER_URL or "redis://127.0.0.1:1/0", set_as_current=True)
app.conf.update(
    broker_transport="controlplane.receipts.transport:Transport",
    # Celery would take rediss:// with a transport of one's own for plaintext.
    broker_use_ssl={"ssl_cert_reqs": ssl.CERT_REQUIRED} if settings.RECEIPTS_BROKER_URL.startswith("rediss:") else None,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": 120,
        "priority_steps": [0],
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
    },
    imports=["controlplane.receipts.tasks"],
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue=IDLE,
    task_queues=[Queue(IDLE, exchange="", routing_key=IDLE)],  # type: ignore[no-untyped-call]
    task_create_missing_queues=False,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # celery has no types
def keep_logging(**_: Any) -> None:
    """Django's logging stays; Celery's loggers print whole messages, so of them only failures are kept."""
    logging.getLogger("celery").setLevel(logging.ERROR)
    logging.getLogger("kombu").setLevel(logging.ERROR)


class FollowEnforcers(bootsteps.StartStopStep):  # type: ignore[misc]  # celery has no types
    """Adds the queues of enforcers that were enrolled since."""

    requires = {"celery.worker.consumer.tasks:Tasks"}

    def start(self, consumer: Any) -> None:
        """Called whenever the worker is connected to the broker."""
        self.entry = consumer.timer.call_repeatedly(FOLLOW_S, follow, (consumer,))
        follow(consumer)

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - celery calls it so
        """Called when the connection is lost or the worker ends."""
        self.entry.cancel()


def follow(consumer: Any) -> None:
    """Consume every enrolled enforcer's queue; the decommissioned ones' too, until what they sent is in."""
    try:
        with patience():
            wanted = [receipts_queue(id_) for id_ in Enforcer.objects.values_list("id", flat=True)]
    except DatabaseError as problem:
        log.warning("the list of enforcers can't be read: %s", problem)
        return
    finally:
        close_old_connections()
    for queue in wanted:
        if not consumer.task_consumer.consuming_from(queue):
            consumer.add_task_queue(queue, exchange="", routing_key=queue)
            log.info("consuming %s", queue)


app.steps["consumer"].add(FollowEnforcers)
app.steps["consumer"].add(IngestPulse)
