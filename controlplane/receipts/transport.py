"""kombu's Redis transport with a door in it: a message that `admission` refuses is gone, logged, and hurts nobody.

Without it one message that is not JSON ends the worker, and one with embedded callbacks runs other tasks.
"""

import logging

from kombu.transport import redis

from controlplane.receipts.admission import NotAdmittedError, clean_message, envelope_text
from enforcer.contract.strict_json import JsonValue

log = logging.getLogger(__name__)


class Channel(redis.Channel):
    """Reads on after what is not even JSON; the message has left the queue by then."""

    def _brpop_read(self, **options: object) -> object:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except (ValueError, RecursionError):
            log.warning("a message that is not JSON was dropped")
            return True

    def _queue_bind(self, *_: object) -> None:
        """Nothing: producers push into the queue itself, so its user needs no right to bindings."""


class Transport(redis.Transport):
    """Hands on nothing but messages it made itself."""

    Channel = Channel

    def _deliver(self, message: JsonValue, queue: str) -> None:
        try:
            text = envelope_text(message)
        except NotAdmittedError as problem:
            log.warning("a message of %r was dropped: %s", queue, problem)
            return
        super()._deliver(clean_message(text, queue), queue)  # type: ignore[no-untyped-call]
