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
_CHANGED = np.concatenate([np.zeros((1, 3), dtype=np.bool_), np.eye(3, dtype=np.bool_)])
_AROUND = np.array(list(np.ndindex(2, 2, 2))) @ _STRIDES  # corners of a cell between nodes of the grids


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
        squared = np.zeros_like(offset)
        for bounded, spread in ((np.minimum, self.nearer), (np.maximum, self.further)):
            side = bounded(offset, 0.0)
            side *= (1 / spread)[..., None]
            side *= side
            squared += side
        return self._edges(squared)

    def _edges(self, squared: Array) -> Array:
        """Of (..., k) squared distances from the peak, in spreads, which are lost."""
        squared *= -0.5
        squared += self.log_peak[..., None]
        return np.exp(squared, out=squared)

    def slopes(self, lags: Array, by: Array) -> tuple[Array, MarkSlopes]:
        """Edges at the lags (..., k), and their derivatives.

        by: (..., q, 4) derivatives of what describes a mark: log of the peak, lag, spread to either side
        """
        offset = lags - self.lag[..., None]
        scales = np.ones((*self.lag.shape, 5))  # of 1, n, f, n2, f2, see `MarkSlopes`
        np.divide(1, self.nearer, out=scales[..., 1])
        np.divide(1, self.further, out=scales[..., 2])
        scales[..., 3:] = scales[..., 1:3]
        powers = np.empty((*offset.shape[:-1], 9, offset.shape[-1]))
        powers[..., 0, :] = 1
        first, second, third, fourth = (powers[..., k : k + 2, :] for k in (1, 3, 5, 7))
        np.minimum(offset, 0.0, out=powers[..., 1, :])
        np.maximum(offset, 0.0, out=powers[..., 2, :])
        first *= scales[..., 1:3, None]
        np.multiply(first, first, out=second)
        np.multiply(first, second, out=third)
        np.multiply(second, second, out=fourth)
        edges = self._edges(np.add(powers[..., 3, :], powers[..., 4, :], out=offset))
        return edges, MarkSlopes(by[..., [0, 1, 1, 2, 3]] * scales[..., None, :], edges, powers)


_NOWHERE = 9  # of the powers below: none, since one side of a mark ends where the other begins
_PRODUCTS = np.array(  # of [1, n, f, n2, f2] with themselves, as places among `MarkSlopes.powers`
    [
        [0, 1, 2, 3, 4],
        [1, 3, _NOWHERE, 5, _NOWHERE],
        [2, _NOWHERE, 4, _NOWHERE, 6],
        [3, 5, _NOWHERE, 7, _NOWHERE],
        [4, _NOWHERE, 6, _NOWHERE, 8],
    ]
)


@dataclass(frozen=True)
class MarkSlopes:
    """Derivatives (..., q, k) of marks at k lags, as sums of few functions of the lag: `inversion.core.tangent.Slopes`.

    With n and f the distance from the peak to the nearer and to the further side, in spreads, 0 on the other side, each
    is a sum of the edges times 1, n, f, n2, f2; sums over the lags are moments up to the fourth.
    by: (..., q, 5) how much of each; edges: (..., k); powers: (..., 9, k) 1, n, f, n2, f2, n3, f3, n4, f4
    """

    by: Array
    edges: Array
    powers: Array

    def written(self) -> Array:
        """(..., q, k) all of them."""
        slopes: Array = np.matmul(self.by, self.powers[..., :5, :]) * self.edges[..., None, :]
        return slopes

    def pulled(self, pull: Array) -> Array:
        """(..., q) their sums, each times the pull (..., k)."""
        moments = np.matmul(self.powers[..., :5, :], (pull * self.edges)[..., None])
        pulled: Array = np.matmul(self.by, moments)[..., 0]
        return pulled

    def products(self, weight: Array) -> Array:
        """(..., q, q) sums of products of two, weighted by (..., k)."""
        each = self.edges * self.edges
        each *= weight
        moments = np.zeros((*each.shape[:-1], 10))
        np.matmul(self.powers, each[..., None], out=moments[..., :9, None])
        products: Array = np.matmul(np.matmul(self.by, moments.take(_PRODUCTS, axis=-1)), self.by.swapaxes(-1, -2))
        return products


def marks(theta: Array, conditions: Array, sample: Array) -> Marks:
    """Marks of the entries of one race.

    theta: (..., 5) width, m, height, corner, Hz, scatter, and relief, of the longest path
    conditions: (..., 3) as of the model: the sample rate, Hz, and the longest path of relief, m, are used
    sample: (...) m of width a sample of lag
    """
    lag, rise, blur = _described(theta, conditions, sample)
    return _marks(lag, _tangent(rise, blur, theta[..., 1])[..., 0, :])


def changes(theta: Array, conditions: Array, sample: Array, wanted: list[int]) -> tuple[Marks, Array]:
    """The marks, and (..., q, 4) how what describes them changes with those of the numbers in `theta` that are wanted.

    wanted: places in `theta`, -1 for what changes nothing
    """
    lag, rise, blur = _described(theta, conditions, sample)
    tangent = _tangent(rise, blur, theta[..., 1])
    scatter = theta[..., 3]
    spreads = scatter * lag / blur  # of the blur by the scatter, but for the lag
    by = np.zeros((*lag.shape, 6, 4))
    by_rise, by_blur = tangent[..., 1, :], tangent[..., 2, :]
    np.multiply(by_blur, (scatter * spreads)[..., None], out=by[..., 0, :])
    by[..., 0, 1] += 1
    by[..., 0, :] /= sample[..., None]
    by[..., 1, :] = tangent[..., 3, :]
    np.multiply(by_rise, (-rise / theta[..., 2])[..., None], out=by[..., 2, :])
    np.multiply(by_blur, (spreads * lag)[..., None], out=by[..., 3, :])
    np.multiply(by[..., 0, :], (-2 * conditions[..., 2])[..., None], out=by[..., 4, :])
    return _marks(lag, tangent[..., 0, :]), by[..., wanted, :]


def _described(theta: Array, conditions: Array, sample: Array) -> tuple[Array, Array, Array]:
    """(...) lag of an entry, how long it rises, and what smooths it, samples."""
    rate = conditions[..., 1]
    lag = (theta[..., 0] - 2 * theta[..., 4] * conditions[..., 2]) / sample + (_STRIKE_SAMPLES + _STRIKE_S * rate)
    return lag, rate / (2 * np.pi * theta[..., 2]), np.hypot(_BLUR_SAMPLES, theta[..., 3] * lag)


def _marks(lag: Array, shape: Array) -> Marks:
    return Marks(shape[..., 0], lag + shape[..., 1], shape[..., 2], shape[..., 3])


def _tangent(rise: Array, blur: Array, height: Array) -> Array:
    """(..., 4, 4): what describes a mark, linear between the nodes, then its derivatives by rise, blur and height.

    Log of the peak, its place before the entry began, its spread to either side; beyond the ends of the grids nothing
    changes.
    rise: (...) samples, 1 / (2 pi corner); blur: (...) samples, standard deviation of all that smooths
    height: (...) logarithm of the highest mean energy of the entry over that of the noise
    """
    place = np.empty((*rise.shape, 3))
    place[..., 0], place[..., 1], place[..., 2] = rise, blur, height
    place -= _FIRST
    place /= _SPACING
    inside = np.minimum(np.maximum(place, 0.0), _LAST)
    slope = (place == inside) / _SPACING
    below = np.minimum(inside, _LAST - 1).astype(np.intp)
    inside -= below
    factors = np.empty((*rise.shape, 4, 3, 2))  # of the two nodes on each axis: their shares, or how these change
    factors[..., 0] = np.where(_CHANGED, -slope[..., None, :], (1 - inside)[..., None, :])
    factors[..., 1] = np.where(_CHANGED, slope[..., None, :], inside[..., None, :])
    r, b, h = (factors[..., axis, :] for axis in range(3))
    weights = r[..., :, None, None] * (b[..., :, None] * h[..., None, :])[..., None, :, :]
    around = _table().take((below @ _STRIDES)[..., None] + _AROUND, axis=0)
    found: Array = np.matmul(weights.reshape(*rise.shape, 4, 8), around)
    return found


def warm() -> None:
    """Computes now what the first mark would have to wait for."""
    _table()


@lru_cache(maxsize=1)
def _table() -> Array:
    """(rises blurs heights, 4) what describes the marks at the nodes, as in `_tangent`."""
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
    return table.reshape(-1, 4)


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
