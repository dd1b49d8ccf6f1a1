"""`manage.py watch`: the process that looks whether Drawbridge itself is well, and tells somebody where it isn't."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.utils import timezone

from controlplane.common.commands import ANSWER_IS_NO, DONE, UsageError
from controlplane.common.commands import Command as BaseCommand
from controlplane.notices.models import shown_place
from controlplane.notices.sending import Channels, NotSent
from controlplane.notices.watching import Watcher, new_message


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT."""

    help = "Watch the control plane and the fleet, and tell by e-mail and webhook what is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """It takes everything else from the environment."""
        parser.add_argument("--test", action="store_true", help="send a message to every place now, and end")

    def work(self, options: dict[str, Any]) -> int:
        """Watch; without any place to tell, notices stand on the pages alone."""
        channels: Channels = settings.NOTIFY
        if options["test"]:
            return self._test(channels)
        if not channels.places:
            self.say("nobody is told: notices stand on the pages alone (NOTIFY_EMAIL, NOTIFY_WEBHOOK)")
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        Watcher(channels).run(stopping)
        return DONE

    def _test(self, channels: Channels) -> int:
        if not channels.places:
            raise UsageError("environment:1: NOTIFY_EMAIL: nobody is to be told; write NOTIFY_EMAIL or NOTIFY_WEBHOOK")
        message = new_message("test", "", "This is a test: notices will arrive here.", "test", timezone.now())
        failed = False
        for place in channels.places:
            try:
                channels.send(place, message)
                self.stdout.write(f"sent to {shown_place(place)}")
            except NotSent as problem:
                failed = True
                self.stdout.write(f"not sent to {shown_place(place)}: {problem}")
        return ANSWER_IS_NO if failed else DONE
