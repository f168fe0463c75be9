"""Quantiles that a network answers, made into marginals at our levels, and judged: resolved, or only bounded.

Between the network's levels, and beyond them, a quantile is a straight line over the normal score of its level: normal
tails. Widening stretches all quantiles about the median by one factor (scaled conformal intervals: Lei et al., J. Am.
Stat. Assoc. 113 (2018) 1094-1111, section 5.2; Romano et al., Adv. Neural Inf. Process. Syst. 32 (2019), section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from inversion.core import QUANTILE_LEVELS, ParameterSpace

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: A value is told from nothing where three standard deviations lie between: the rule of least squares. How large one
#: deviation is, the distance of the median from quantiles at so many deviations below it says; the largest counts. What
#: lies far out does not: a posterior that begins at nothing has its lowest quantile above it.
_DEVIATIONS = 3.0
_JUDGED_BY = (1.0, 1.645, 1.96)
#: Of the prior's 90 % interval: an answer that is wider has not been resolved; the rule of least squares.
_INFORMED = 0.5
_PRIOR = 1e-6  # share of the prior that is mixed in, so that no marginal is a single value


@dataclass(frozen=True)
class Table:
    """Marginals of n windows as shares of the ranges.

    marginals: (n, p, k) at QUANTILE_LEVELS; center: (n, p, 3) one normal deviation below the median, it, one above
    resolved: (n, p)
    """

    marginals: Array
    center: Array
    resolved: Flags


@dataclass(frozen=True)
class Tabulator:
    """Quantiles at a network's levels to marginals at ours.

    weights: (q, k + 6) of the quantiles, for QUANTILE_LEVELS, for the center, and for values three deviations below the
        median (by each of _JUDGED_BY)
    something: (p,) whether even the lower end of the range is something, as a place or a pressure is
    direct: (p,) whether a single observable tells of the parameter: where that lies above its limit of detection, which
        is asked elsewhere, there is something, however wide and skewed the answer to how much
    """

    weights: Array
    something: Flags
    direct: Flags

    def table(self, quantiles: Array, factors: Array, floors: NDArray[np.floating]) -> Table:
        """quantiles: (n, p, q) shares of the ranges, rising; factors: (n, p) of widening; floors: (n, p) shares."""
        levels = quantiles @ self.weights
        middle = levels[..., _MEDIAN, None].copy()
        levels -= middle
        levels *= factors[..., None]
        levels += middle
        resolved = np.minimum.reduce(levels[..., _OURS + 3 :], axis=-1) > floors
        if self._places:
            resolved |= self.something & (floors <= 0)
        resolved |= self.direct
        np.maximum(levels, 0.0, out=levels)
        np.minimum(levels, 1.0, out=levels)
        marginals = np.maximum.accumulate(levels[..., :_OURS], axis=-1)
        marginals *= 1 - _PRIOR
        marginals += _LEAST
        resolved &= marginals[..., _HIGH] - marginals[..., _LOW] <= _INFORMED * 0.9
        return Table(marginals, levels[..., _OURS : _OURS + 3], resolved)

    @cached_property
    def _places(self) -> bool:
        return bool(self.something.any())


def tabulator(space: ParameterSpace, levels: Sequence[float], direct: Flags | None = None) -> Tabulator:
    """For the parameters of `space` that are no nuisance, and quantiles at `levels` (q,). direct: by default none."""
    theirs = _scores(levels)
    ours, center = _line(theirs, _scores(QUANTILE_LEVELS)), _line(theirs, np.array([-1.0, 0.0, 1.0]))
    share = _DEVIATIONS / np.array(_JUDGED_BY)
    below = (1 - share) * center[:, 1:2] + share * _line(theirs, -np.array(_JUDGED_BY))
    something = np.array([each.low != 0 for each in space if not each.nuisance])
    told = np.zeros_like(something) if direct is None else direct
    return Tabulator(np.concatenate([ours, center, below], axis=1), something, told)


def _scores(levels: Sequence[float] | Array) -> Array:
    return np.array([NormalDist().inv_cdf(float(level)) for level in levels])


def _line(known: Array, wanted: Array) -> Array:
    """(q, k) weights that interpolate linearly between `known` (q,), and go on beyond its ends as they came."""
    right = np.clip(np.searchsorted(known, wanted), 1, known.size - 1)
    share = (wanted - known[right - 1]) / (known[right] - known[right - 1])
    weights = np.zeros((known.size, wanted.size))
    rows = np.arange(wanted.size)
    weights[right - 1, rows] = 1 - share
    weights[right, rows] += share
    return weights


_OURS = QUANTILE_LEVELS.size
_MEDIAN = _OURS + 1
_LEAST = _PRIOR * QUANTILE_LEVELS
_LOW, _HIGH = (int(np.argmin(np.abs(QUANTILE_LEVELS - level))) for level in (0.05, 0.95))
