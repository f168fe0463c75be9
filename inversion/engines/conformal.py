"""Split-conformal widening of a network's intervals, by band of speed and signal-to-noise ratio.

A factor is the smallest that makes intervals of held-out windows in its band hold the truth often enough for one window
more (Lei et al., J. Am. Stat. Assoc. 113 (2018) 1094-1111, section 2.2; bands: Mondrian conformal prediction, Vovk et
al., Algorithmic Learning in a Random World, Springer 2005, section 4.5).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inversion.core import QUANTILE_LEVELS
from inversion.engines.quantile_answers import Table, Tabulator
from inversion.store.card import Calibration

Array = NDArray[np.float64]

_FEWEST = 50  # windows in a band: with fewer, the factor of all windows is taken
_CANDIDATES: Array = np.geomspace(0.4, 8.0, 120)


@dataclass(frozen=True)
class Bands:
    """A card's calibration as arrays. factors: (bands of speed, bands of ratio, p)."""

    speeds: Array
    ratios_db: Array
    factors: Array

    def of(self, speed: Array, ratio_db: Array) -> Array:
        """(n, p) factors of windows at these speeds (n,) and signal-to-noise ratios (n,)."""
        rows: Array = self.factors[self.speeds.searchsorted(speed), self.ratios_db.searchsorted(ratio_db)]
        return rows

    def band(self, speed: float, ratio_db: float) -> tuple[int, int]:
        """Row and column of one window's band."""
        speeds, ratios_db = self._edges
        return bisect_left(speeds, speed), bisect_left(ratios_db, ratio_db)

    @cached_property
    def _edges(self) -> tuple[list[float], list[float]]:
        return self.speeds.tolist(), self.ratios_db.tolist()


def bands(calibration: Calibration) -> Bands:
    """Ready to use, from a card."""
    return Bands(np.array(calibration.speeds), np.array(calibration.ratios_db), np.array(calibration.factors))


def learn_factors(
    tabulator: Tabulator,
    quantiles: Array,
    floors: Array,
    truth: Array,
    speed: Array,
    ratio_db: Array,
    edges: tuple[Sequence[float], Sequence[float]],
    level: float = 0.9,
    measured: NDArray[np.bool_] | None = None,
) -> Calibration:
    """The calibration of a card, from n windows that were not trained on.

    quantiles: (n, p, q); floors, truth: (n, p) shares of the ranges; speed, ratio_db: (n,); edges: of the bands
    measured: (n, p) whether anything that tells of the parameter was measured, by default all; else it is not resolved
    """
    row, column = np.searchsorted(edges[0], speed), np.searchsorted(edges[1], ratio_db)
    told = np.ones(truth.shape, dtype=np.bool_) if measured is None else measured
    held = np.array(
        [_held(tabulator.table(quantiles, np.full(truth.shape, f), floors), truth, level, told) for f in _CANDIDATES]
    )
    overall = _smallest(held, level)
    shape = (len(edges[0]) + 1, len(edges[1]) + 1)
    factors: list[tuple[tuple[float, ...], ...]] = []
    windows: list[tuple[int, ...]] = []
    for i in range(shape[0]):
        inside = [(row == i) & (column == j) for j in range(shape[1])]
        bands_of_row = [_smallest(held[:, rows], level) if rows.sum() >= _FEWEST else overall for rows in inside]
        factors.append(tuple(tuple(map(float, each)) for each in bands_of_row))
        windows.append(tuple(int(rows.sum()) for rows in inside))
    return Calibration(level, tuple(edges[0]), tuple(edges[1]), tuple(factors), tuple(windows))


def _held(table: Table, truth: Array, level: float, measured: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n, p) whether the interval, of the form that a finding has, holds the truth."""
    low, high, top = (_at(table.marginals, p) for p in ((1 - level) / 2, (1 + level) / 2, level))
    inside: NDArray[np.bool_] = np.where(table.resolved & measured, (low <= truth) & (truth <= high), truth <= top)
    return inside


def _at(marginals: Array, probability: float) -> Array:
    right = int(np.clip(np.searchsorted(QUANTILE_LEVELS, probability), 1, QUANTILE_LEVELS.size - 1))
    below, above = QUANTILE_LEVELS[right - 1], QUANTILE_LEVELS[right]
    share = (probability - below) / (above - below)
    values: Array = (1 - share) * marginals[..., right - 1] + share * marginals[..., right]
    return values


def _smallest(held: NDArray[np.bool_], level: float) -> Array:
    """(p,) smallest candidate at which enough of the windows are held. held: (candidates, n, p).

    Not "from which on": wider intervals are not nested where one turns from resolved into an upper bound, and a band
    in which all upper bounds hold one window too few would be widened without end.
    """
    n = held.shape[1]
    enough = held.sum(axis=1) >= min(np.ceil((n + 1) * level), n)
    best = np.where(enough.any(axis=0), enough.argmax(axis=0), _CANDIDATES.size - 1)
    first: Array = _CANDIDATES[best]
    return first
