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

    energy: (n,) smoothed; the score is its logarithm, limited so that no single shock decides. Each period is cut into
    cells, the cell of the strike moves little from one period to the next, and the strike lies at the highest sample of
    its cell or the ones beside it, since the path may prefer a neighbor to a move.
    """
    count = int((energy.size - 1) / period)
    if count < 2 or period < _CELLS:
        return np.zeros(0, dtype=np.intp)
    starts = (np.arange(count * _CELLS + 1) * (period / _CELLS)).astype(np.intp)
    score = np.log(np.clip(np.maximum.reduceat(energy[: starts[-1]], starts[:-1]), 0.1, 200.0))
    cells = _best_path(score.reshape(count, _CELLS))
    first = starts[np.arange(count) * _CELLS + cells]
    width = int(np.ceil(period / _CELLS))
    inside = np.clip(first[:, None] + np.arange(-width, 2 * width), 0, energy.size - 1)
    highest: NDArray[np.intp] = inside[np.arange(count), energy[inside].argmax(axis=1)]
    return highest


def _best_path(score: Real) -> NDArray[np.intp]:
    """(k, c) scores to the (k,) columns of the highest sum, less a penalty for moving (circularly) from row to row."""
    count, cells = score.shape
    reach = max(1, round(_SPREAD * cells))
    moves = np.arange(-reach, reach + 1)
    penalty = (0.5 * (_TIGHT * moves / reach) ** 2).astype(np.float32)
    place = np.arange(cells)
    near = (place[:, None] + moves) % cells
    total = score[0]
    origin = np.zeros((count, cells), dtype=np.intp)
    for k in range(1, count):
        candidates = total[near] - penalty
        best = candidates.argmax(axis=1)
        origin[k] = near[place, best]
        total = candidates[place, best] + score[k]
    path = np.zeros(count, dtype=np.intp)
    path[-1] = int(total.argmax())
    for k in range(count - 1, 0, -1):
        path[k - 1] = origin[k][path[k]]
    return path


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
