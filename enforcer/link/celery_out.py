"""Putting a batch on the receipts broker as a Celery task: nothing but one LPUSH on the enforcer's own queue.

Blocks for at most about two seconds, so it is for a thread of its own (STACK section 4).
"""

import ssl
from urllib.parse import quote, urlsplit

from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from enforcer.contract.redis_names import INGEST_TASK

_AT_ONCE = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}
_TIMEOUTS = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, "retry_on_timeout": False}


class SendError(Exception):
    """The broker didn't take the batch, or didn't say so: it is sent again."""


class CelerySender:
    """Calls the ingest task with one envelope; made and used in one thread."""

    def __init__(self, url: str, password: str, queue: str) -> None:
        """`url` is `redis[s]://USER@HOST:PORT/DB`, without the password."""
        self._app = Celery(broker=_with_password(url, password), set_as_current=False)
        self._app.conf.update(
            task_serializer="json",
            task_protocol=2,
            task_ignore_result=True,
            result_backend=None,
            task_create_missing_queues=False,
            task_default_queue=queue,
            broker_pool_limit=1,
            broker_transport_options=_AT_ONCE | _TIMEOUTS,
            broker_use_ssl={"ssl_cert_reqs": ssl.CERT_REQUIRED} if url.startswith("rediss:") else None,
        )

    def __call__(self, envelope: bytes) -> None:
        """Raises `SendError`; the batch may have arrived even then."""
        try:
            self._app.send_task(
                INGEST_TASK, args=[envelope.decode("ascii")], retry=False, declare=[], argsrepr="", kwargsrepr=""
            )
        except (KombuError, RedisError, OSError) as error:
            raise SendError(f"the receipts broker: {type(error).__name__}: {error}") from None

    def close(self) -> None:
        """Drop the connection."""
        self._app.pool.force_close_all()
        self._app.close()


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    user, _, address = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{address}").geturl()
