"""Putting a batch on the receipts broker as a Celery task: nothing but one LPUSH on the enforcer's own queue.

Blocks for at most about two seconds, so it is for a thread of its own (STACK section 4).
"""

import ssl
from urllib.parse import quote, urlsplit

from celery import Celery
from kombu.exceptions import KombuError
from kombu.messaging import Producer
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
            broker_transport_options=_AT_ONCE | _TIMEOUTS,
            broker_use_ssl={"ssl_cert_reqs": ssl.CERT_REQUIRED} if url.startswith("rediss:") else None,
        )

        self._producer: Producer | None = None

    def __call__(self, envelope: bytes) -> None:
        """Raises `SendError`; the batch may have arrived even then."""
        try:
            # not from kombu's pool: that is one for the process, and whoever closes it closes it for all senders
            self._producer = self._producer or self._app.amqp.Producer(self._app.connection_for_write())
            self._app.send_task(
                INGEST_TASK,
                args=[envelope.decode("ascii")],
                producer=self._producer,
                retry=False,
                declare=[],
                argsrepr="",
                kwargsrepr="",
            )
        except (KombuError, RedisError, OSError) as error:
            self._drop()
            raise SendError(f"the receipts broker: {type(error).__name__}: {error}") from None

    def close(self) -> None:
        """Drop the connection."""
        self._drop()
        self._app.close()

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None and producer.connection is not None:
            producer.connection.collect()  # never waits for a broker that doesn't answer


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    user, _, address = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{address}").geturl()
