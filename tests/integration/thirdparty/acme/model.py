"""The vibration level as the hidden parameter: observed by the RMS itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inversion.core import Features, Parameter, ParameterSpace
from sensors import Frame, Quality


@dataclass(frozen=True)
class Level:
    """RMS of one channel, 0 to 100 m/s2, with a relative error of `error`."""

    channel: str = "vibration"
    error: float = 0.02

    @cached_property
    def space(self):
        """One parameter, `level`."""
        return ParameterSpace((Parameter("level", "m/s2", 0.0, 98.0665, "vibration level, RMS", "g"),))

    @property
    def observables(self):
        """One feature."""
        return ("rms",)

    @property
    def channels(self):
        """One channel."""
        return (self.channel,)

    def simulate(self, theta, conditions):
        """(..., 1) to (..., 1)."""
        return theta

    def observe(self, frames: Sequence[Frame]) -> Features:
        """RMS, (n, 1)."""
        found = [frame.channels.get(self.channel) for frame in frames]
        levels = [0.0 if w is None else float(np.sqrt(np.mean(w.samples.astype(float) ** 2))) for w in found]
        values = np.array(levels).reshape(len(found), 1)  # also of no frames
        quality = tuple(Quality.BAD if w is None else w.quality for w in found)
        reasons = tuple(f"no channel {self.channel!r}" if w is None else w.reason for w in found)
        limit = np.full_like(values, -np.inf)
        return Features(values, self.error * values + 1e-6, limit, np.zeros((len(found), 0)), quality, reasons)

    def floor(self, conditions):
        """(1,) zero: every level can be resolved."""
        return np.zeros(1)
