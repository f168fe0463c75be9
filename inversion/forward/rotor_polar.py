"""Amplitude and angle of a plane's unbalance, from the estimate of its components."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from inversion.core import Estimate
from inversion.physics.circular_interval import amplitude_interval, angle_half_width


@dataclass(frozen=True)
class Polar:
    """One plane's unbalance. amplitude, low, high: kg·m; angle, half_width: rad, half_width is pi where unknown."""

    plane: str
    amplitude: float
    low: float
    high: float
    angle: float
    half_width: float

    @property
    def resolvable(self) -> bool:
        """Whether the unbalance stands out of its error, so that an angle can be told."""
        return self.low > 0


def polar(estimate: Estimate, plane: str, heaviest: float, level: float) -> Polar:
    """Propagated from the components x and y; heaviest: end of their ranges, kg·m."""
    names = (f"{plane}_x", f"{plane}_y")
    x, y = (estimate.value(name) for name in names)
    spans = [estimate.quantile(name, 0.84) - estimate.quantile(name, 0.16) for name in names]
    if not all(estimate.resolvable(name) for name in names):
        return Polar(plane, float(np.hypot(x, y)), 0.0, float(np.sqrt(2)) * heaviest, 0.0, np.pi)
    sd = np.array(np.sqrt(np.mean(np.square(spans))) / 2 / NormalDist().inv_cdf(0.84))
    size = np.array(np.hypot(x, y))
    low, high = amplitude_interval(size, sd, level)
    half = angle_half_width(size, sd, level)
    return Polar(plane, float(size), float(low), float(high), float(np.arctan2(y, x)), float(half))
