"""Quantiles that a network answers, made into marginals at our levels, and judged: resolved, or only bounded.

Between the network's levels, and beyond them, a quantile is a straight line over the normal score of its level: normal
tails. Widening stretches all quantiles about the median by one factor (scaled conformal intervals: Lei et al., J. Am.
Stat. Assoc. 113 (2018) 1094-1111, section 5.2; Romano et al., Adv. Neural Inf. Process. Syst. 32 (2019), section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
_ENDS = (0.05, 0.95)
#: Of the prior's 90 % interval: an answer that is wider has not been resolved; the rule of least squares.
_INFORMED = 0.5
_EDGE = 1e-9  # a share at its bound maps to a large finite latent value
_PRIOR = 1e-6  # share of the prior that is mixed in, so that no marginal is a single value
NARROW = (_INFORMED - _PRIOR) * 0.9 / (1 - _PRIOR)  # of the central 90 %, before the prior is mixed in


@dataclass(frozen=True)
class Table:
    """Marginals of n windows as shares of the ranges: (n, p, k) at QUANTILE_LEVELS; resolved: (n, p)."""

    marginals: Array
    resolved: Flags


@dataclass(frozen=True)
class Tabulator:
    """Quantiles at a network's levels to marginals at ours, and to eight shares of the range by which they are judged.

    The eight stand behind the marginal: one normal deviation below the median, the median and one above; values three
    deviations below the median (by each of _JUDGED_BY), not bounded; both ends of the central 90 %. Together (k + 8).

    weights: (2 q, k + 8) of the stretched quantiles, and of those that the median is made of
    least, most: (1, p, k + 8) between which each share is brought; scale, offset: alike, what is made of it. They are
        as large as the levels of one window: numpy takes a third of the time for arrays of the same shape
    places: (p,) whether even the lower end of the range is something, as a place or a pressure is
    direct: (p,) whether a single observable tells of the parameter: where that lies above its limit of detection, which
        is asked elsewhere, there is something, however wide and skewed the answer to how much
    """

    weights: Array
    least: Array
    most: Array
    scale: Array
    offset: Array
    places: tuple[bool, ...]
    direct: tuple[bool, ...]

    def stretches(self, factors: Array) -> Array:
        """(..., p) factors of widening to (..., p, 2, q): of the quantiles, and of those that the median is made of."""
        q = len(self.weights) // 2
        return np.stack([np.repeat(each[..., None], q, axis=-1) for each in (factors, 1 - factors)], axis=-2)

    def stretched(self, quantiles: Array, stretches: Array, out: Array) -> None:
        """One window, yet to be bounded, into (p, k + 8). quantiles: (p, q) shares, sorted in place; (p, 2, q).

        A quantile x becomes f x + (1 - f) median. Both are linear in the quantiles, so that one product does it. Those
        that cross are put in order: Chernozhukov et al., Econometrica 78 (2010) 1093-1125.
        """
        quantiles.sort(axis=-1)
        parts = np.empty(stretches.shape)
        parts[:, 0] = parts[:, 1] = quantiles
        parts *= stretches
        parts.reshape(len(parts), -1).dot(self.weights, out=out)

    def bounded(self, levels: Array) -> Array:
        """(n, p, k + 8) in place: brought into the range, the marginals told in its unit."""
        np.maximum(levels, self.least, out=levels)
        np.minimum(levels, self.most, out=levels)
        levels *= self.scale
        levels += self.offset
        return levels

    def something(self, i: int, judged: float, floor: float) -> bool:
        """Whether a window tells the i-th parameter from nothing. judged: least of its three; floor: of the range."""
        return self.direct[i] or (self.places[i] and floor <= 0) or judged > floor

    def table(self, quantiles: Array, factors: Array, floors: Array) -> Table:
        """Of many windows at once. quantiles: (n, p, q) shares; factors: (n, p) of widening; floors: (n, p) shares."""
        own, median = np.split(self.weights, 2)
        rising = np.sort(quantiles, axis=-1)
        middle = rising @ median[:, :1]
        levels = self.bounded(((rising - middle) * factors[..., None] + middle) @ own)
        told = np.moveaxis(levels[..., TOLD], -1, 0)
        something = np.all(told[3:6] > floors, axis=0)
        something |= (np.array(self.places) & (floors <= 0)) | np.array(self.direct)
        return Table(levels[..., MARGINAL], something & (told[7] - told[6] <= NARROW))

    def told_in(self, low: Array, high: Array) -> Tabulator:
        """The same, with marginals between these ends (p,) instead of shares."""
        span, scale, offset = high - low, self.scale.copy(), self.offset.copy()
        scale[..., MARGINAL] *= span[:, None]
        offset[..., MARGINAL] = offset[..., MARGINAL] * span[:, None] + low[:, None]
        beyond = (scale + offset)[..., MARGINAL] > high[:, None]  # by rounding
        scale[..., MARGINAL] -= beyond * np.spacing(high)[:, None]
        return replace(self, scale=scale, offset=offset)


def tabulator(space: ParameterSpace, levels: Sequence[float], direct: Flags | None = None) -> Tabulator:
    """For the parameters of `space` that are no nuisance, and quantiles at `levels` (q,). direct: by default none."""
    places = tuple(each.low != 0 for each in space if not each.nuisance)
    alone = (False,) * len(places) if direct is None else tuple(direct.tolist())
    shape = (1, len(places), _OURS + 8)
    least, most, scale, offset = np.zeros(shape), np.ones(shape), np.ones(shape), np.zeros(shape)
    center, judged = slice(_OURS, _OURS + 3), slice(_OURS + 3, _OURS + 6)
    least[..., center], most[..., center] = _EDGE, 1 - _EDGE
    least[..., judged], most[..., judged] = -np.inf, np.inf
    scale[..., MARGINAL], offset[..., MARGINAL] = 1 - _PRIOR, _PRIOR * QUANTILE_LEVELS
    return Tabulator(_weights(_scores(levels)), least, most, scale, offset, places, alone)


def _weights(theirs: Array) -> Array:
    """(2 q, k + 8) of quantiles at these normal scores, and of those that the median is made of."""
    ours, center = _line(theirs, _scores(QUANTILE_LEVELS)), _line(theirs, np.array([-1.0, 0.0, 1.0]))
    median, share = center[:, 1:2], _DEVIATIONS / np.array(_JUDGED_BY)
    below = (1 - share) * median + share * _line(theirs, -np.array(_JUDGED_BY))
    own = np.concatenate([ours, center, below, _line(theirs, _scores(_ENDS))], axis=1)
    return np.concatenate([own, np.repeat(median, own.shape[1], axis=1)])


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
MARGINAL, TOLD = slice(0, _OURS), slice(_OURS, _OURS + 8)
