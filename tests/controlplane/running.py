"""A publisher beside the test: the real loop and the real user keepers, in threads."""

import threading
import time
from types import TracebackType
from typing import Self

from django.conf import settings

from controlplane.policy.publisher.checkpoints import CheckpointKeeper
from controlplane.policy.publisher.confirmations import ConfirmationKeeper
from controlplane.policy.publisher.keys import KeyFiles, KeyRing, open_ring
from controlplane.policy.publisher.loop import Publisher
from controlplane.policy.publisher.users import BROKER, POLICY, UserKeeper


def ring() -> KeyRing:
    """The keys of the test's data directory."""
    return open_ring(KeyFiles(settings.KEYS_DIR, settings.KEYS_JSON, settings.ROOT_PUB), now=time.time())


class RunningPublisher:
    """`with RunningPublisher():` signs and publishes until the end of the block."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self.ring = ring()
        files = KeyFiles(settings.KEYS_DIR, settings.KEYS_JSON, settings.ROOT_PUB)
        publisher = Publisher(files, settings.REDIS_URL)
        self._threads = [
            threading.Thread(target=publisher.run, args=(self._stopping,)),
            CheckpointKeeper(files, self._stopping, every_s=0.2),
            ConfirmationKeeper(settings.REDIS_URL, self._stopping),
        ]
        if settings.RECEIPTS_BROKER_URL:
            urls = ((POLICY, settings.REDIS_URL), (BROKER, settings.RECEIPTS_BROKER_URL))
            self._threads += [UserKeeper(instance, url, self._stopping) for instance, url in urls]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
