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

_PASS_BAND = (0.02, 0.40)  # of the sample rate: above what belongs to the shaft, below the sensor's own filter
_STEPS = 128  # places a strike may take within one period
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
    typical = float(np.median(energy))
    return energy / np.float32(typical) if typical > 0 else np.ones(samples, dtype=np.float32)


def smooth(energy: Real, width: float) -> Real:
    """Convolved (circularly) with a Gaussian of standard deviation `width` samples."""
    frequency = np.arange(energy.size // 2 + 1, dtype=np.float32) / energy.size
    return signal(spectrum(energy) * np.exp(-2 * (np.pi * width * frequency) ** 2), energy.size)


def strikes(energy: Real, period: float) -> NDArray[np.intp]:
    """Sample numbers of the most probable train of strikes, about one each `period` samples.

    energy: (n,) smoothed; the score is its logarithm, limited so that no single shock decides
    """
    count = int(energy.size / period)
    if count < 2:
        return np.zeros(0, dtype=np.intp)
    offsets = np.arange(_STEPS) * (period / _STEPS)
    index = ((np.arange(count) * period)[:, None] + offsets).astype(np.intp)
    score = np.log(np.clip(energy[np.minimum(index, energy.size - 1)], 0.1, 200.0))
    reach = max(1, int(_SPREAD * _STEPS))
    penalty = 0.5 * (_TIGHT * np.arange(-reach, reach + 1) / reach) ** 2
    total = score[0].astype(np.float64)
    origin = np.zeros((count, _STEPS), dtype=np.intp)
    place = np.arange(_STEPS)
    for k in range(1, count):
        around = np.concatenate([total[-reach:], total, total[:reach]])
        candidates = np.lib.stride_tricks.sliding_window_view(around, 2 * reach + 1) - penalty
        best = candidates.argmax(axis=1)
        origin[k] = (place + best - reach) % _STEPS
        total = candidates[place, best] + score[k]
    path = np.zeros(count, dtype=np.intp)
    path[-1] = int(total.argmax())
    for k in range(count - 1, 0, -1):
        path[k - 1] = origin[k][path[k]]
    coarse = index[np.arange(count), path]
    fine = max(2, int(np.ceil(period / _STEPS)))
    near = np.clip(coarse[:, None] + np.arange(-fine, fine + 1), 0, energy.size - 1)
    found: NDArray[np.intp] = np.unique(near[np.arange(count), energy[near].argmax(axis=1)])
    return found


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
