"""Writing log lines without waiting: a reader of our standard error that stands still must stop no call.

What doesn't fit into the bounded queue is dropped, counted, and told of as soon as there is room.
"""

import logging
import queue
import threading
from typing import TextIO

log = logging.getLogger(__name__)
MOST = 10_000


class BackgroundWriter:
    """Looks like a stream to a handler; one thread does the writing."""

    def __init__(self, stream: TextIO, *, most: int = MOST) -> None:
        self.dropped = 0
        self._told = 0
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(most)
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Never blocks."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self.dropped += 1

    def flush(self) -> None:
        """The thread flushes."""

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what waits, as far as the reader takes it in that time."""
        try:
            self._lines.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # nobody reads any more, or it is closed: calls go on
                self.dropped += 1
            if self.dropped > self._told and self._lines.empty():
                self._told = self.dropped
                log.warning("%d log lines were dropped since the start", self.dropped)
