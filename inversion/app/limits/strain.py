"""How hard the limits press on a worker: one number for the choice of its precision."""

from __future__ import annotations

import time
from collections.abc import Callable

from inversion.app.limits.group import Group

_LOOK_S = 1.0  # the kernel's own average is of 10 s


class Pressure:
    """Looks at a group once a second at most, since that takes some reads of files."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_s = -_LOOK_S
        self._share = 0.0

    def of(self, group: Group | None) -> float:
        """Share of the last 10 s in which the group waited for a core or for memory; 0 where nobody tells."""
        if group is not None and self._clock() - self._looked_s >= _LOOK_S:
            self._looked_s, usage = self._clock(), group.usage()
            self._share = max(usage.cpu_pressure or 0.0, usage.memory_pressure or 0.0)
        return self._share
