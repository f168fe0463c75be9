"""This computer's clocks: one that tells the time of day and may be set, one that nobody sets."""

from __future__ import annotations

import time
from collections.abc import Callable


def monotonic_ns() -> int:
    """Nanoseconds since this computer was started, sleep included where the system counts it; never set, never back."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic_ns()


class Stamp:
    """Reads the wall clock, and remembers what the monotonic one said at that moment.

    wall: UTC, ns; monotonic: ns
    """

    def __init__(self, wall: Callable[[], int], monotonic: Callable[[], int] = monotonic_ns) -> None:
        self._wall, self._monotonic = wall, monotonic
        self.monotonic_ns = monotonic()

    def __call__(self) -> int:
        """UTC, ns."""
        self.monotonic_ns = self._monotonic()
        return self._wall()
