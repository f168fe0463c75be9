"""The mark that an element's entry into a spall leaves in an edge profile (`bearing_observation.edges`).

An entry is a soft event: its energy grows and fades as t^2 exp(-2 t / rise) after it began, the squared response of a
second-order low-pass (Sawalhi & Randall, Mech. Syst. Signal Process. 25 (2011) 846-870, section 2: the entry excites
low frequencies, the strike all). The record is smoothed, and edges of a spall that are not straight smooth the mean
over all passages further. An edge is a fall of the *logarithm* of energy: the stronger an entry is, the further out it
is seen, and the wider, not only the higher, is its mark.

The mark is computed once for a grid of entries and described by two halves of Gaussians; that is right to 4 % of its
height.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAR, FAR = range(-3, 1), range(2, 7)  # samples; an edge is the mean over NEAR less the mean over FAR of a lag

#: Priors of the nuisances of an entry, uniform: its height as energy over that of the noise, weak to strong (uniform in
#: its logarithm); the corner of its spectrum, soft to hard; how far edges are from straight, as the standard deviation
#: of the lag in shares of it. Where beyond the edge it is felt is a share of the longest path of relief, 0 to 1.
HEIGHTS = (0.05, 2000.0)
CORNERS_HZ = (2_500.0, 14_000.0)
SCATTERS = (0.01, 0.035)

#: When a strike is seen after it began: the structure delays it; how it and an edge are looked for makes the rest.
_STRIKE_S, _STRIKE_SAMPLES = 20e-6, -1.3
_BLUR_SAMPLES = 2.2  # standard deviation of what smooths the energy

_FINE = 4  # steps a sample
_REACH = 72.0  # samples to either side of the beginning of an entry
_RISES: Array = np.linspace(0.5, 8.5, 9)  # samples
_BLURS: Array = np.linspace(1.5, 11.5, 11)  # samples
_LOG_HEIGHTS: Array = np.linspace(-3.0, 8.0, 12)
_GRIDS = (_RISES, _BLURS, _LOG_HEIGHTS)
_FIRST, _SPACING = (np.array([each(grid) for grid in _GRIDS]) for each in (np.min, lambda grid: grid[1] - grid[0]))
_LAST = np.array([grid.size - 1.0 for grid in _GRIDS])
_STRIDES = np.array([_BLURS.size * _LOG_HEIGHTS.size, _LOG_HEIGHTS.size, 1])
_AROUND = np.array(list(np.ndindex(2, 2, 2))) @ _STRIDES  # corners of a cell between nodes of the grids
_CHANGED = np.concatenate([np.zeros((1, 3), dtype=np.bool_), np.eye(3, dtype=np.bool_)])


@dataclass(frozen=True)
class Marks:
    """(...) marks as two halves of Gaussians each: log of the peak, its lag, its spread to either side, samples."""

    log_peak: Array
    lag: Array
    nearer: Array
    further: Array

    def at(self, lags: Array) -> Array:
        """Edges at the lags (..., k), samples."""
        offset = lags - self.lag[..., None]
        scale = np.where(offset < 0, 1 / self.nearer[..., None], 1 / self.further[..., None])
        return np.asarray(np.exp(self.log_peak[..., None] - 0.5 * (offset * scale) ** 2))

    def slopes(self, lags: Array, by: Array) -> tuple[Array, Array]:
        """Edges at the lags (..., k), and their derivatives (..., q, k).

        by: (..., q, 4) derivatives of what describes a mark: log of the peak, lag, spread to either side
        """
        if by.shape[-2] == 0:
            return self.at(lags), np.zeros((*by.shape[:-1], lags.shape[-1]))
        u = lags - self.lag[..., None]
        before = u < 0
        scale = np.where(before, 1 / self.nearer[..., None], 1 / self.further[..., None])
        u *= scale
        changes = np.empty((*u.shape[:-1], 4, u.shape[-1]))  # of the edges by each of the four
        edges, by_lag, by_nearer, by_further = (changes[..., i, :] for i in range(4))
        np.multiply(u, u, out=by_further)
        np.multiply(by_further, -0.5, out=edges)
        edges += self.log_peak[..., None]
        np.exp(edges, out=edges)
        scale *= edges
        np.multiply(u, scale, out=by_lag)
        by_further *= scale
        np.multiply(by_further, before, out=by_nearer)
        by_further -= by_nearer
        return edges, np.matmul(by, changes)


def marks(theta: Array, conditions: Array, sample: Array) -> Marks:
    """Marks of the entries of one race.

    theta: (..., 5) width, m, height, corner, Hz, scatter, and relief, of the longest path
    conditions: (..., 3) as of the model: the sample rate, Hz, and the longest path of relief, m, are used
    sample: (...) m of width a sample of lag
    """
    width, height, corner, scatter, relief = np.moveaxis(theta, -1, 0)
    rate, path = conditions[..., 1], conditions[..., 2]
    lag = (width - 2 * relief * path) / sample + _STRIKE_SAMPLES + _STRIKE_S * rate
    rise, blur = rate / (2 * np.pi * corner), np.hypot(_BLUR_SAMPLES, scatter * lag)
    log_peak, further_out, nearer, further = np.moveaxis(_shape(rise, blur, height), -1, 0)
    return Marks(log_peak, lag + further_out, nearer, further)


def changes(theta: Array, conditions: Array, sample: Array, wanted: list[int]) -> tuple[Marks, Array]:
    """The marks, and (..., q, 4) how what describes them changes with those of the numbers in `theta` that are wanted.

    wanted: places in `theta`, -1 for what changes nothing
    """
    width, height, corner, scatter, relief = np.moveaxis(theta, -1, 0)
    rate, path = conditions[..., 1], conditions[..., 2]
    lag = (width - 2 * relief * path) / sample + _STRIKE_SAMPLES + _STRIKE_S * rate
    rise, blur = rate / (2 * np.pi * corner), np.hypot(_BLUR_SAMPLES, scatter * lag)
    (log_peak, further_out, nearer, further), by_rise, by_blur, by_height = (
        np.moveaxis(each, -1, 0) if i == 0 else each for i, each in enumerate(_tangent(rise, blur, height))
    )
    by_width = by_blur * (scatter * scatter * lag / blur)[..., None]
    by_width[..., 1] += 1
    by_width /= sample[..., None]
    by_corner = by_rise * (-rise / corner)[..., None]
    by_scatter = by_blur * (scatter * lag * lag / blur)[..., None]
    by_relief = by_width * (-2 * path)[..., None]
    every = (by_width, by_height, by_corner, by_scatter, by_relief, np.zeros_like(by_width))
    by = np.stack([every[k] for k in wanted], axis=-2) if wanted else np.zeros((*width.shape, 0, 4))
    return Marks(log_peak, lag + further_out, nearer, further), by


def _shape(rise: Array, blur: Array, height: Array) -> Array:
    """(..., 4) log of the peak, its place before the entry began, its spread to either side, linear between the nodes.

    rise: (...) samples, 1 / (2 pi corner); blur: (...) samples, standard deviation of all that smooths
    height: (...) logarithm of the highest mean energy of the entry over that of the noise
    """
    return _tangent(rise, blur, height)[0]


def _tangent(rise: Array, blur: Array, height: Array) -> tuple[Array, Array, Array, Array]:
    """`_shape`, (..., 4), and its derivatives by rise, blur and height; none beyond the ends of the grids."""
    place = (np.stack([rise, blur, height], axis=-1) - _FIRST) / _SPACING
    inside = (place > 0) & (place < _LAST)
    place = np.minimum(np.maximum(place, 0), _LAST)
    below = np.minimum(place, _LAST - 1).astype(np.intp)
    share = place - below
    slope = inside / _SPACING
    factors = np.empty((*rise.shape, 4, 3, 2))  # of the two nodes on each axis: their shares, or how these change
    factors[..., 0] = np.where(_CHANGED, -slope[..., None, :], 1 - share[..., None, :])
    factors[..., 1] = np.where(_CHANGED, slope[..., None, :], share[..., None, :])
    r, b, h = (factors[..., axis, :] for axis in range(3))
    weights = r[..., :, None, None] * (b[..., :, None] * h[..., None, :])[..., None, :, :]
    around = _table().reshape(-1, 4)[(below @ _STRIDES)[..., None] + _AROUND]
    found = np.matmul(weights.reshape(*rise.shape, 4, 8), around)
    return found[..., 0, :], found[..., 1, :], found[..., 2, :], found[..., 3, :]


def warm() -> None:
    """Computes now what the first mark would have to wait for."""
    _table()


@lru_cache(maxsize=1)
def _table() -> Array:
    """(rises, blurs, heights, 4) as in `_shape`."""
    fine = np.arange(-2 * _REACH * _FINE, 2 * _REACH * _FINE + 1) / _FINE  # before the beginning of an entry
    at = fine[np.abs(fine) <= _REACH]
    table = np.zeros((_RISES.size, _BLURS.size, _LOG_HEIGHTS.size, 4))
    for i, rise in enumerate(_RISES):
        time = np.maximum(-fine, 0.0)
        energy = time**2 * np.exp(-2 * time / rise)
        for j, blur in enumerate(_BLURS):
            seen = np.convolve(energy, np.exp(-0.5 * (fine / blur) ** 2), "same")
            risen = np.log1p(np.exp(_LOG_HEIGHTS)[:, None] * (seen / seen.max()))
            for k, row in enumerate(risen):
                sums = np.concatenate([[0.0], np.cumsum(row)]) / _FINE
                table[i, j, k] = _halves(at, _mean(sums, fine, at, NEAR) - _mean(sums, fine, at, FAR))
    return table


def _mean(sums: Array, fine: Array, at: Array, samples: range) -> Array:
    """Mean of the summed function over `samples` beside the places `at`."""
    edges = np.append(fine, fine[-1] + 1 / _FINE) - 0.5 / _FINE
    low, high = (np.interp(at + end, edges, sums) for end in (samples[0] - 0.5, samples[-1] + 0.5))
    mean: Array = (high - low) / len(samples)
    return mean


def _halves(at: Array, mark: Array) -> tuple[float, float, float, float]:
    """Two halves of Gaussians: from the peak, and from where the mark has fallen by half and by seven eighths."""
    top = int(mark.argmax())
    spreads = []
    for side in (slice(top, None, -1), slice(top, None, 1)):
        falling = np.minimum.accumulate(mark[side])
        distance = np.abs(at[side] - at[top])
        places = [
            np.interp(-share * mark[top], -falling, distance) / np.sqrt(-2 * np.log(share)) for share in (1 / 2, 1 / 8)
        ]
        spreads.append(float(np.mean(places)))
    return float(np.log(mark[top])), float(at[top]), spreads[0], spreads[1]
