"""Strikes that recur almost regularly: where each one is, and what precedes it on average.

The record is whitened by linear prediction, which shortens the ringing of the structure to single pulses (Sawalhi &
Randall, Mech. Syst. Signal Process. 25 (2011) 846-870, section 4); the strikes are found by dynamic programming
over their times, since the cage slips at random and no fixed period fits a whole record; the energy around
all strikes is averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from inversion.signal.transform import Complex, analytic, signal, spectrum

Array = NDArray[np.float64]
Real = NDArray[np.float32]

_MEDIAN_STRIDE = 7  # enough samples for a median
_PASS_BAND = (0.02, 0.40)  # of the sample rate: above what belongs to the shaft, below the sensor's own filter
_CELLS = 64  # that a period is cut into
_SPREAD = 0.03  # of a period: how far a strike may come early or late
_TIGHT = 2.5  # that far is so many standard deviations


@dataclass(frozen=True)
class StrikeProfile:
    """Mean energy before a strike, in units of the median energy of the record.

    energy: (m,) at 1, 2, ... samples before it; strike: at it; count: strikes averaged
    """

    energy: Array
    strike: float
    count: int


def residual_energy(half: Complex, samples: int, order: int) -> Real:
    """Squared envelope of the linear-prediction residual, (samples,), over its median.

    half: (samples // 2 + 1,) spectrum of the record; order: of the predictor
    """
    power = half.real**2 + half.imag**2
    correlation = signal(power.astype(np.complex64), samples)[: order + 1].astype(np.float64)
    if not correlation[0] > 0:
        return np.ones(samples, dtype=np.float32)
    correlation[0] *= 1 + 1e-3
    predictor = scipy.linalg.solve_toeplitz(correlation[:-1], correlation[1:])
    whitener = spectrum(np.concatenate([[1.0], -predictor]).astype(np.float32), samples)
    low, high = (int(edge * samples) for edge in _PASS_BAND)
    passed = np.zeros(high, dtype=np.complex64)
    passed[low:] = half[low:high] * whitener[low:high]
    residual = analytic(passed, samples)
    energy = residual.real**2 + residual.imag**2
    typical = float(np.median(energy[::_MEDIAN_STRIDE]))
    return energy / np.float32(typical) if typical > 0 else np.ones(samples, dtype=np.float32)


def smooth(energy: Real, widths: tuple[float, ...]) -> tuple[Real, ...]:
    """Convolved (circularly) with Gaussians of standard deviation `widths` samples, each."""
    half = spectrum(energy)
    frequency = np.arange(half.size, dtype=np.float32) / np.float32(energy.size)
    squares = np.float32(-2 * np.pi**2) * frequency * frequency
    return tuple(signal(half * np.exp(np.float32(width**2) * squares), energy.size) for width in widths)


def strikes(energy: Real, period: float) -> NDArray[np.intp]:
    """Sample numbers of the most probable train of strikes, about one each `period` samples.

    energy: (n,) smoothed; the score is its logarithm, limited so that no single shock decides. A period is as long as
    so many cells, the next strike lies about as many cells further on, and at the highest sample of its cell or the
    ones beside it, since the path may prefer a neighbor to a move.
    """
    cells = int((energy.size - 1) * _CELLS / period)
    if cells < 2 * _CELLS or period < _CELLS:
        return np.zeros(0, dtype=np.intp)
    starts = (np.arange(cells + 1) * (period / _CELLS)).astype(np.intp)
    score = np.log(np.clip(np.maximum.reduceat(energy[: starts[-1]], starts[:-1]), 0.1, 200.0))
    first = starts[_best_path(score)]
    width = int(np.ceil(period / _CELLS))
    inside = np.clip(first[:, None] + np.arange(-width, 2 * width), 0, energy.size - 1)
    highest: NDArray[np.intp] = inside[np.arange(first.size), energy[inside].argmax(axis=1)]
    return highest


def _best_path(score: Real) -> NDArray[np.intp]:
    """(m,) scores of cells in a row to the cells, a period apart, of the highest sum, less a penalty for each move.

    A train begins within the first period and ends within the last. It may drift as far as it likes, also past where
    a period began: a cell is followed by one `_CELLS` further on, not by its like in the next row of a table.
    """
    reach = max(1, round(_SPREAD * _CELLS))
    moves = np.arange(-reach, reach + 1)
    penalty = (0.5 * (_TIGHT * moves / reach) ** 2).astype(np.float32)
    total = np.full(score.size + reach, -np.inf, dtype=np.float32)  # from `reach` cells before the first on
    total[reach:] = score - score.mean()  # so that a strike more is no merit
    move = np.zeros(total.size, dtype=np.intp)
    around = sliding_window_view(total, moves.size)
    block = _CELLS - reach  # cells that do not follow one another
    for first in range(_CELLS + reach, total.size, block):
        last = min(first + block, total.size)
        candidates = around[first - _CELLS - reach : last - _CELLS - reach] - penalty
        move[first:last] = candidates.argmax(axis=1)
        total[first:last] += candidates.max(axis=1)
    path = [total.size - _CELLS + int(total[-_CELLS:].argmax())]
    while path[-1] >= _CELLS + reach:
        path.append(path[-1] - _CELLS - reach + int(move[path[-1]]))
    return np.array(path[::-1], dtype=np.intp) - reach


def profile_before(energy: Real, times: NDArray[np.intp], reach: int) -> StrikeProfile:
    """Mean energy at 1 ... `reach` samples before the strikes, each weighted by how far it stands out."""
    inside = times[(times > reach) & (times < energy.size - 2)]
    if inside.size < 2:
        return StrikeProfile(np.ones(reach), 1.0, int(inside.size))
    heights = energy[inside]
    weights = np.clip(heights - 3.0, 0.0, np.quantile(heights, 0.8)).astype(np.float64)
    if not weights.sum() > 0:
        return StrikeProfile(np.ones(reach), float(heights.mean()), int(inside.size))
    weights /= weights.sum()
    before = energy[inside[:, None] - np.arange(1, reach + 1)]
    return StrikeProfile(weights @ before, float(weights @ heights), int(inside.size))
