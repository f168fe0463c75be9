"""Where a tracked parameter is going: growth, time to the limits of its alarms, and the latest step."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core.estimate import QUANTILE_LEVELS

Array = NDArray[np.float64]

_LEVELS: list[float] = QUANTILE_LEVELS.tolist()


@dataclass(frozen=True)
class Limit:
    """A limit that somebody asks about. value: SI; side: "above" or "below", the side that is beyond it."""

    alarm: str
    parameter: str
    value: float
    side: str


@dataclass(frozen=True)
class Spread:
    """A distribution by its quantiles at QUANTILE_LEVELS, (k,); infinite where a time never comes."""

    values: Array

    def __post_init__(self) -> None:
        if self.values.shape != QUANTILE_LEVELS.shape:
            raise ValueError(f"values must be {QUANTILE_LEVELS.shape}, got {self.values.shape}")

    def quantile(self, probability: float) -> float:
        """Value below which it lies with this probability."""
        k = min(max(bisect_left(_LEVELS, probability), 1), len(_LEVELS) - 1)
        (low, high), (left, right) = _LEVELS[k - 1 : k + 1], self.values[k - 1 : k + 1].tolist()
        if probability <= low or left == right:
            return float(left)
        if not math.isfinite(right):
            return math.inf
        return float(left + min((probability - low) / (high - low), 1.0) * (right - left))

    def probability_within(self, value: float) -> float:
        """Probability that it is at most this; 0 below the lowest quantile, 1 from the highest on."""
        k = int(np.searchsorted(self.values, value, side="right"))
        if k in (0, self.values.size):
            return float(k > 0)
        (low, high), (left, right) = QUANTILE_LEVELS[k - 1 : k + 1], self.values[k - 1 : k + 1]
        share = (value - left) / (right - left) if np.isfinite(right) else 0.0
        return float(low + share * (high - low))


@dataclass(frozen=True)
class Trend:
    """growth: mean over the coming `ahead_s`, SI units of the parameter a second; None where the track does not resolve
        the parameter, or has only begun
    times: seconds from the window's beginning until a limit is passed, by the name of its alarm; 0 where it has been
    step_ns: UTC, first window after the latest step; None where none was seen
    ahead_s: time over which growth is meant, s
    """

    parameter: str
    growth: Spread | None
    times: tuple[tuple[str, Spread], ...]
    step_ns: int | None
    ahead_s: float = 0.0
