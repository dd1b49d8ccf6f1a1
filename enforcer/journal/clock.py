"""The one clock of an enforcer's stamps: it never goes back, so start ≤ observed ≤ recorded whatever the host does."""

from collections.abc import Callable


class SteadyClock:
    """Wall-clock seconds that never decrease."""

    __slots__ = ("_clock", "_greatest")

    def __init__(self, clock: Callable[[], float], at_least: float = 0.0) -> None:
        self._clock = clock
        self._greatest = at_least

    def __call__(self) -> float:
        """Seconds since 1970, at least what any earlier call returned."""
        self._greatest = max(self._greatest, self._clock())
        return self._greatest
