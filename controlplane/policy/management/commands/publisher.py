"""`manage.py publisher`: the process that signs. It alone reads the private keys."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.db import connection

from controlplane.common.commands import ANSWER_IS_NO, DONE, UsageError
from controlplane.common.commands import Command as BaseCommand
from controlplane.policy.publisher.checkpoints import CheckpointKeeper
from controlplane.policy.publisher.confirmations import ConfirmationKeeper
from controlplane.policy.publisher.keys import KeyFiles, KeysProblemError
from controlplane.policy.publisher.loop import Publisher
from controlplane.policy.publisher.users import BROKER, POLICY, UserKeeper


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT."""

    help = "Sign and publish what has changed; one process of the control plane."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """It takes everything from the environment."""

    def work(self, _options: dict[str, Any]) -> int:
        """Load the keys, then publish."""
        for name in ("REDIS_URL", "RECEIPTS_BROKER_URL"):
            if not getattr(settings, name):
                raise UsageError(f"environment:1: {name}: is not set; write redis://USER:PASSWORD@HOST:PORT/0")
        files = KeyFiles(settings.KEYS_DIR, settings.KEYS_JSON, settings.ROOT_PUB)
        try:
            publisher = Publisher(files, settings.REDIS_URL)
        except KeysProblemError as problem:
            raise UsageError(str(problem)) from None
        stopping, asked = threading.Event(), threading.Event()

        def stop(*_: object) -> None:
            asked.set()
            stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        keepers = [
            CheckpointKeeper(files, stopping),
            ConfirmationKeeper(settings.REDIS_URL, stopping),
            UserKeeper(POLICY, settings.REDIS_URL, stopping),
            UserKeeper(BROKER, settings.RECEIPTS_BROKER_URL, stopping),
        ]
        for keeper in keepers:
            keeper.start()
        publisher.run(stopping)
        for keeper in keepers:
            keeper.join(timeout=5)
        connection.close()
        return DONE if asked.is_set() else ANSWER_IS_NO
