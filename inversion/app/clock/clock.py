"""The wall clock beside the monotonic one. Their difference changes only when somebody sets the wall clock.

(NTP slews both alike.) So a step is seen for what it is, and what was stamped before it can be told in the new time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from inversion.app.clock.kernel import boot_id, synchronized
from inversion.app.clock.options import ClockOptions
from sensors.moments import monotonic_ns

STEP_NS = 500_000_000  # smaller differences are none: two clocks are never read at the same instant
_CLOSE_NS = 1_000_000


@dataclass(frozen=True)
class Setting:
    """How the clock is set. boot: which start of the box; offset_ns: wall clock (UTC) less monotonic clock."""

    boot: str
    offset_ns: int
    trusted: bool

    def wall_ns(self, monotonic_ns: int) -> int:
        """UTC at a moment of the monotonic clock of this start."""
        return monotonic_ns + self.offset_ns


class Clock:
    """This box's clock. `setting` is as it was at the last `look`."""

    def __init__(
        self,
        options: ClockOptions | None = None,
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = monotonic_ns,
        kept: Callable[[], bool] = synchronized,
        boot: str | None = None,
    ) -> None:
        self._trust = (options or ClockOptions()).trust
        self._wall, self._monotonic, self._kept = wall, monotonic, kept
        self.setting = Setting(boot_id() if boot is None else boot, self._offset(), self._trusted())

    def look(self) -> bool:
        """Whether the clock was set, or is trusted otherwise, since the last look; `setting` then is another."""
        before, offset_ns, trusted = self.setting, self._offset(), self._trusted()
        if abs(offset_ns - before.offset_ns) <= STEP_NS:
            offset_ns = before.offset_ns
        self.setting = Setting(before.boot, offset_ns, trusted)
        return self.setting != before

    def now_ns(self) -> int:
        """UTC, ns, by the setting of this moment."""
        self.look()
        return self.setting.wall_ns(self._monotonic())

    def monotonic_ns(self) -> int:
        """Of the clock that nobody sets."""
        return self._monotonic()

    def _trusted(self) -> bool:
        return self._trust == "always" or (self._trust == "synchronized" and self._kept())

    def _offset(self) -> int:
        """Read again where something came between the two clocks."""
        for _ in range(8):
            before, wall, after = self._monotonic(), self._wall(), self._monotonic()
            if after - before <= _CLOSE_NS:
                break
        return wall - (before + after) // 2
