"""Whether the event loop that serves calls still turns: it ticks, and any thread may ask how late it is."""

import asyncio
import time
from collections.abc import Callable

EVERY_S = 0.25
STUCK_S = 2.0  # as long as the journal may take: by then calls are lost anyway


class LoopWatch:
    """`observe` hears how late each tick was, in seconds."""

    def __init__(self, observe: Callable[[float], None] = lambda _seconds: None) -> None:
        self._observe = observe
        self._due = time.monotonic() + EVERY_S

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self._due = time.monotonic() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._observe(self.lag_s())

    def lag_s(self) -> float:
        """How long the next tick is overdue; it grows while something holds the loop."""
        return max(0.0, time.monotonic() - self._due)
