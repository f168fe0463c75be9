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
#: of the lag in shares of it.
HEIGHTS = (0.05, 2000.0)
CORNERS_HZ = (2_500.0, 14_000.0)
SCATTERS = (0.01, 0.035)

#: When a strike is seen after it began: the structure delays it; how it and an edge are looked for makes the rest.
_STRIKE_S, _STRIKE_SAMPLES = 20e-6, -1.3
_BLUR_SAMPLES = 2.2  # standard deviation of what smooths the energy
_STEPS = (1e-8, 1e-5, 1e-1, 1e-6, 1e-8)  # of forward differences by width, height, corner, scatter, relief

_FINE = 4  # steps a sample
_REACH = 72.0  # samples to either side of the beginning of an entry
_RISES: Array = np.linspace(0.5, 8.5, 9)  # samples
_BLURS: Array = np.linspace(1.5, 11.5, 11)  # samples
_LOG_HEIGHTS: Array = np.linspace(-3.0, 8.0, 12)
_GRIDS = (_RISES, _BLURS, _LOG_HEIGHTS)
_CORNERS = np.array(list(np.ndindex(2, 2, 2)))  # of a cell between nodes of the grids
_STRIDES = np.array([_BLURS.size * _LOG_HEIGHTS.size, _LOG_HEIGHTS.size, 1])


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

    def less(self, other: Marks, step: Array) -> Marks:
        """What differs from other marks, by a step: their derivative."""
        ours = (self.log_peak, self.lag, self.nearer, self.further)
        theirs = (other.log_peak, other.lag, other.nearer, other.further)
        return Marks(*((one - two) / step for one, two in zip(ours, theirs, strict=True)))

    def slopes(self, lags: Array, by: tuple[Marks, ...]) -> tuple[Array, Array]:
        """Edges at the lags (..., k), and their derivatives (..., q, k), `by` being those of the marks."""
        offset = lags - self.lag[..., None]
        before = offset < 0
        scale = np.where(before, 1 / self.nearer[..., None], 1 / self.further[..., None])
        u = offset * scale
        edges = np.exp(self.log_peak[..., None] - 0.5 * u * u)
        u *= scale
        offset *= u  # of the spread
        slopes = np.empty((*edges.shape[:-1], len(by), edges.shape[-1]))
        for k, each in enumerate(by):
            slope = slopes[..., k, :]
            np.multiply(u, each.lag[..., None], out=slope)
            slope += each.log_peak[..., None]
            slope += offset * scale * np.where(before, each.nearer[..., None], each.further[..., None])
            slope *= edges
        return edges, slopes


def marks(theta: Array, sample: Array, rate: Array) -> Marks:
    """Marks of the entries of one race.

    theta: (..., 4 or 5) width, m, height, corner, Hz, scatter, and path of relief, m; sample: (...) m of width a sample
    of lag; rate: (...) Hz
    """
    width, height, corner, scatter, *relief = np.moveaxis(theta, -1, 0)
    lag = (width - 2 * sum(relief)) / sample + _STRIKE_SAMPLES + _STRIKE_S * rate
    rise, blur = rate / (2 * np.pi * corner), np.hypot(_BLUR_SAMPLES, scatter * lag)
    log_peak, further_out, nearer, further = np.moveaxis(_shape(rise, blur, height), -1, 0)
    return Marks(log_peak, lag + further_out, nearer, further)


def changes(theta: Array, sample: Array, rate: Array, wanted: list[int]) -> tuple[Marks, tuple[Marks, ...]]:
    """The marks, and the derivatives of what describes them by those of the numbers in `theta` that are wanted."""
    here = marks(theta, sample, rate)
    derivatives = []
    for k in wanted:
        moved = theta.copy()
        moved[..., k] += _STEPS[k]
        derivatives.append(marks(moved, sample, rate).less(here, moved[..., k] - theta[..., k]))
    return here, tuple(derivatives)


def _shape(rise: Array, blur: Array, height: Array) -> Array:
    """(..., 4) log of the peak, its place before the entry began, its spread to either side, linear between the nodes.

    rise: (...) samples, 1 / (2 pi corner); blur: (...) samples, standard deviation of all that smooths
    height: (...) logarithm of the highest mean energy of the entry over that of the noise
    """
    table = _table()
    nodes = [_node(grid, value) for grid, value in zip(_GRIDS, (rise, blur, height), strict=True)]
    shares = np.stack([share for _, share in nodes], axis=-1)[..., None, :]
    weights = np.where(_CORNERS, shares, 1 - shares).prod(axis=-1)
    lowest = np.stack([cell for cell, _ in nodes], axis=-1) @ _STRIDES
    around = table.reshape(-1, 4)[lowest[..., None] + _CORNERS @ _STRIDES]
    shape: Array = (weights[..., None, :] @ around)[..., 0, :]
    return shape


def _node(grid: Array, value: Array) -> tuple[NDArray[np.intp], Array]:
    """The node below, and how far beyond it; outside the grid, the node at its end."""
    place = np.clip((value - grid[0]) / (grid[1] - grid[0]), 0, grid.size - 1)
    cell = np.minimum(place, grid.size - 2).astype(np.intp)
    return cell, place - cell


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
