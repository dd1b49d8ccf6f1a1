"""Once a day all receipts are verified, in a process of its own: its memory goes with it, and it may fail alone."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from django.utils import timezone

from controlplane.receipts.verifying import due

log = logging.getLogger(__name__)
VERIFY = (sys.executable, str(Path(__file__).parents[2] / "manage.py"), "receipts", "verify", "--daily")
FIRST_AFTER_S = 600.0  # whatever was just started has other work first
LOOK_S = 60.0


class Daily:
    """Starts it when it is due; `running` is the one that runs. Two watchers beside each other do it once."""

    def __init__(
        self,
        command: Sequence[str] = VERIFY,
        clock: Callable[[], float] = time.monotonic,
        first_after_s: float = FIRST_AFTER_S,
    ) -> None:
        self._command, self._clock = command, clock
        self._look_at = clock() + first_after_s
        self.running: subprocess.Popen[bytes] | None = None

    def step(self) -> None:
        """Raises `DatabaseError` where the database is away."""
        if self.running is not None:
            code = self.running.poll()
            if code is None:
                return
            self.running = None
            log.log(logging.INFO if code == 0 else logging.ERROR, "the daily verification ended with %d", code)
        if self._clock() < self._look_at:
            return
        self._look_at = self._clock() + LOOK_S
        if due(timezone.now()):
            self.running = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=sys.stderr)

    def close(self) -> None:
        """The watcher ends, and what it started with it."""
        if self.running is not None:
            self.running.terminate()
            self.running.wait()
