"""Middle and interval of every parameter of an estimate at once, for findings."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.core.estimate import QUANTILE_LEVELS, Estimate

Array = NDArray[np.float64]
Told = tuple[float, float, float]


def middles_and_intervals(estimate: Estimate, level: float) -> list[Told]:
    """`Estimate.middle_and_interval` of each parameter, in order, to the same bits, in a fraction of the time."""
    cells = None if estimate.marginals is None else _cells(level)
    if estimate.marginals is None or cells is None:
        return [estimate.middle_and_interval(name, level) for name in estimate.space.names]
    below, step, beyond = cells
    left = estimate.marginals[:, below]
    quantiles = (estimate.marginals[:, below + 1] - left) / step * beyond + left
    lows = estimate.space.low.tolist()
    return [
        (middle, low, high) if resolved else (middle, bound, top)
        for resolved, bound, (middle, low, high, top) in zip(estimate.resolved, lows, quantiles.tolist(), strict=True)
    ]


@lru_cache(maxsize=8)
def _cells(level: float) -> tuple[NDArray[np.intp], Array, Array] | None:
    """Where in QUANTILE_LEVELS the middle, both ends of the interval and the upper bound lie; None where one does not.

    (4,) each: the place below, how far the next is from it, and how far the probability is
    """
    asked = np.array([0.5, (1 - level) / 2, (1 + level) / 2, level])
    if not (asked.min() >= QUANTILE_LEVELS[0] and asked.max() < QUANTILE_LEVELS[-1]):
        return None
    below = QUANTILE_LEVELS.searchsorted(asked, side="right") - 1
    return below, QUANTILE_LEVELS[below + 1] - QUANTILE_LEVELS[below], asked - QUANTILE_LEVELS[below]
