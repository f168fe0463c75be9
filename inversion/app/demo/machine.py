"""The simulated machine: a bearing whose outer race spalls, faster than any real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.physics.bearing import BearingGeometry
from inversion.physics.bearing_simulation import Machine, Spall, simulate_waveform

RELIEF = 0.2e-3  # m, of the loaded balls of 8 mm


@dataclass(frozen=True)
class Wear:
    """A spall that grows steadily from `first` to `last` (m) within `grow_s` seconds, then stays."""

    first: float = 0.2e-3
    last: float = 4.0e-3
    grow_s: float = 32.0

    def width(self, elapsed_s: float) -> float:
        """m, so long after the start."""
        share = min(max(elapsed_s / self.grow_s, 0.0), 1.0)
        return self.first + (self.last - self.first) * share


@dataclass
class WearingMachine:
    """What the simulated sensor is mounted on. clock: UTC, ns; sample_rate: Hz of the sensor."""

    geometry: BearingGeometry
    wear: Wear
    clock: Callable[[], int]
    rng: np.random.Generator
    sample_rate: float
    shaft_hz: float = 29.5
    began_ns: int | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def width_at(self, time_ns: int) -> float:
        """True width at a time, m; wear begins with the first capture."""
        return self.wear.width(0.0 if self.began_ns is None else (time_ns - self.began_ns) / 1e9)

    def capture(self, wanted: Mapping[str, int]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Acceleration, m/s2; a wider spall strikes harder."""
        with self._turn:
            now_ns = self.clock()
            if self.began_ns is None:
                self.began_ns = now_ns
            width = self.width_at(now_ns)
            spall = Spall("outer", width, impact=1.0 + 700.0 * width, relief=RELIEF)
            machine = Machine(self.geometry, self.shaft_hz)
            return {
                channel: simulate_waveform(machine, (spall,), self.sample_rate, samples, self.rng)
                for channel, samples in wanted.items()
            }

    def measure(self, name: str) -> float:
        """Process values, SI: the shaft speed, and a bearing temperature that rises with the damage."""
        if name == "shaft_hz":
            return self.shaft_hz
        return 273.15 + 45.0 + 2000.0 * self.width_at(self.clock())
