"""How old a lease is (CONTRACTS section 2, lease; RELIABILITY C19).

CLOCK_BOOTTIME counts through a suspend and nobody can set it, but it starts anew with each boot; the wall clock goes on
and can be set. So the age is the greater of both, and a wall clock that ran backwards proves nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BEHIND_S = 60.0
AHEAD_S = 60.0


@dataclass(frozen=True, slots=True)
class Instant:
    """Both clocks at one moment, in seconds; `boot` compares only under the same `boot_id`."""

    boot: float
    wall: float
    boot_id: str


def read_clocks() -> Instant:
    """Now."""
    return Instant(time.clock_gettime(time.CLOCK_BOOTTIME), time.time(), _boot_id())


@cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def since(issued_at: float, arrived: Instant, now: Instant) -> float:
    """Seconds that a document issued at `issued_at` (wall, unix) is old, never below what either clock says."""
    by_wall = max(now.wall - issued_at, now.wall - arrived.wall, 0.0)
    return max(by_wall, now.boot - arrived.boot) if arrived.boot_id == now.boot_id else by_wall


class Clocks:
    """Both clocks and the greatest wall time ever seen, unix seconds."""

    def __init__(self, read: Callable[[], Instant] = read_clocks) -> None:
        self._read = read
        self.greatest_wall = 0.0

    def now(self) -> Instant:
        """Both clocks."""
        return self._read()

    def wall(self) -> float:
        """Wall time for expiries, never behind the greatest seen."""
        return max(self._read().wall, self.greatest_wall)

    def behind_s(self) -> float:
        """How far the wall clock is behind the greatest time seen; 0 while that can be overlooked."""
        behind = self.greatest_wall - self._read().wall
        return behind if behind > BEHIND_S else 0.0

    def remember(self, now: Instant) -> None:
        """Note a wall time."""
        self.greatest_wall = max(self.greatest_wall, now.wall)

    def prove(self, now: Instant, at_least: float) -> None:
        """Forget a greatest time that was wrong: somebody trusted says that it is `at_least` this time now."""
        self.greatest_wall = max(now.wall, at_least)
