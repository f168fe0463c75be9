"""Strikes that recur almost regularly: where each one is, and what precedes it on average.

The record is whitened by linear prediction, which shortens the ringing of the structure to single pulses (Sawalhi &
Randall, Mech. Syst. Signal Process. 25 (2011) 846-870, section 4); the strikes are found by dynamic programming
over their times, since the cage slips at random and no fixed period fits a whole record; the energy around
all strikes is averaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import sub

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from inversion.signal.envelope import power
from inversion.signal.split import filter_spectrum, first_lags, squared_envelope
from inversion.signal.toeplitz import solve_symmetric
from inversion.signal.transform import Complex, signal, spectrum

Array = NDArray[np.float64]
Real = NDArray[np.float32]

_MEDIAN_STRIDE = 7  # enough samples for a median
_RISING = (0.01, 0.05)  # of the sample rate: above what belongs to the shaft
_FALLING = (0.30, 0.46)  # below the sensor's own filter
_CELLS = 64  # that a period is cut into
_SPREAD = 0.03  # of a period: how far a strike may come early or late
_TIGHT = 2.5  # that far is so many standard deviations


@dataclass(frozen=True)
class StrikeProfile:
    """Mean energy before a strike, in units of the median energy of the record.

    energy: (m,) at 1, 2, ... samples before it; strike: at it
    count: strikes averaged; effective: strikes of equal weight that would scatter as much
    """

    energy: Array
    strike: float
    count: int
    effective: float = 1.0


def residual_energy(half: Complex, samples: int, order: int) -> Real:
    """Squared envelope of the linear-prediction residual, (samples,), over its median.

    half: (samples // 2 + 1,) spectrum of the record; order: of the predictor
    """
    correlation = first_lags(power(half), samples, order + 1)
    if not correlation[0] > 0:
        return np.ones(samples, dtype=np.float32)
    correlation[0] *= 1 + 1e-3
    predictor = solve_symmetric(correlation[:-1], correlation[1:])
    passed: Complex = half * filter_spectrum(np.concatenate([[1.0], -predictor]).astype(np.float32), samples)
    passed *= _pass_band(samples)
    energy = squared_envelope(passed, samples)
    typical = float(np.median(energy[::_MEDIAN_STRIDE]))
    return energy / np.float32(typical) if typical > 0 else np.ones(samples, dtype=np.float32)


@lru_cache(maxsize=8)
def _pass_band(samples: int) -> Real:
    """(samples // 2 + 1,) gain, with soft edges: a hard one rings around each strike and hides the entry before it."""
    frequency = np.arange(samples // 2 + 1) / samples
    (low, from_here), (to_here, high) = _RISING, _FALLING
    rising, falling = (frequency - low) / (from_here - low), (high - frequency) / (high - to_here)
    gain: Real = (np.sin(np.pi / 2 * np.clip(np.minimum(rising, falling), 0, 1)) ** 2).astype(np.float32)
    gain.flags.writeable = False
    return gain


def smooth(energy: Real, widths: tuple[float, ...]) -> tuple[Real, ...]:
    """Convolved (circularly) with Gaussians of standard deviation `widths` samples, each."""
    half = spectrum(energy)
    return tuple(signal(half * _gaussian(energy.size, width), energy.size) for width in widths)


@lru_cache(maxsize=8)
def _gaussian(samples: int, width: float) -> Real:
    """Transfer function of a Gaussian of unit area, (samples // 2 + 1,)."""
    frequency = np.arange(samples // 2 + 1, dtype=np.float32) / np.float32(samples)
    response: Real = np.exp(np.float32(-2 * np.pi**2 * width**2) * frequency * frequency)
    response.flags.writeable = False
    return response


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
    score = _highest(energy, starts)
    np.maximum(score, 0.1, out=score)
    np.minimum(score, 200.0, out=score)
    np.log(score, out=score)
    first = starts[_best_path(score)]
    width = int(np.ceil(period / _CELLS))
    inside = first[:, None] + np.arange(-width, 2 * width)
    highest: NDArray[np.intp] = energy.take(inside, mode="clip").argmax(axis=1)
    highest += first - width
    return np.minimum(np.maximum(highest, 0), energy.size - 1)


def _highest(values: Real, starts: NDArray[np.intp]) -> Real:
    """(m,) highest of `values` from each of `starts` (m + 1,) to the next: all cells of almost the same length.

    A cell is covered by two stretches of the same power of two, one from its start, one to its end.
    """
    stretch, reach = values, 1
    while 2 * reach <= int(np.diff(starts).min()):
        stretch = np.maximum(stretch[:-reach], stretch[reach:])
        reach *= 2
    highest: Real = np.maximum(stretch[starts[:-1]], stretch[starts[1:] - reach])
    return highest


def _best_path(score: Real) -> NDArray[np.intp]:
    """(m,) scores of cells in a row to the cells, a period apart, of the highest sum, less a penalty for each move.

    A train has one strike within the first period and one within the last. It may drift as far as it likes, also past
    where a period began: a cell is followed by one `_CELLS` further on, not by its like in the next row of a table.
    """
    level = score - score.mean()  # so that a strike more is no merit
    reach, size = _penalty().size // 2, score.size
    half = (size + _CELLS + reach + 1) // 2
    total = np.full((half + reach, 2), -np.inf, dtype=np.float32)  # from `reach` cells before the first on
    total[reach:, 0], total[reach:, 1] = level[:half], level[: -half - 1 : -1]
    _add_up(total)
    # any train has a strike where the sums from the front and those from the back overlap
    overlap = slice(reach + size - half, None)
    meeting = total[overlap, 0] + total[overlap, 1][::-1] - level[size - half : half]
    middle = size - half + int(meeting.argmax())
    before, after = _trace(total[:, 0], middle), _trace(total[:, 1], size - 1 - middle)
    return np.array(before[:0:-1] + [size - 1 - cell for cell in after], dtype=np.intp)


@lru_cache(maxsize=1)
def _penalty() -> Real:
    """(2 reach + 1,) what each move costs."""
    reach = max(1, round(_SPREAD * _CELLS))
    return (0.5 * (_TIGHT * np.arange(-reach, reach + 1) / reach) ** 2).astype(np.float32)


def _add_up(total: Real) -> None:
    """Turns scores of cells, (reach + m, 2), into the best sums of trains that end there, from both ends at once."""
    moves, penalty = _penalty().size, _penalty()[:, None]
    flat, back, block = total.reshape(-1), 2 * (_CELLS + moves // 2), 2 * (_CELLS - moves // 2)
    around = sliding_window_view(flat, 2 * moves - 1)[:, ::2].T
    candidates = np.empty((moves, block), dtype=np.float32)
    for first in range(back, flat.size, block):  # cells that do not follow one another
        part = flat[first : first + block]
        some = candidates[:, : part.size]
        np.subtract(around[:, first - back : first - back + part.size], penalty, some)
        np.add(part, np.maximum.reduce(some), part)


def _trace(total: Real, cell: int) -> list[int]:
    """Cells of the best train that ends at `cell`, the last one first; total: (reach + m,) as added up."""
    penalty = _penalty().tolist()
    path = [cell]
    while cell >= _CELLS:
        near = total[cell - _CELLS : cell - _CELLS + len(penalty)].tolist()
        sums = list(map(sub, near, penalty))
        cell += sums.index(max(sums)) - _CELLS - len(penalty) // 2
        path.append(cell)
    return path


def profile_before(energy: Real, times: NDArray[np.intp], reach: int) -> StrikeProfile:
    """Mean energy at 1 ... `reach` samples before the strikes, each weighted by how far it stands out."""
    return _profile(energy, times[(times > reach) & (times < energy.size - 2)], -np.arange(1, reach + 1))


def profile_after(energy: Real, times: NDArray[np.intp], reach: int) -> StrikeProfile:
    """The same after the strikes."""
    return _profile(energy, times[(times > 1) & (times < energy.size - 1 - reach)], np.arange(1, reach + 1))


def _profile(energy: Real, times: NDArray[np.intp], lags: NDArray[np.intp]) -> StrikeProfile:
    if times.size < 2:
        return StrikeProfile(np.ones(lags.size), 1.0, int(times.size))
    heights = energy[times].astype(np.float64)
    ordered, place = np.sort(heights), 0.8 * (heights.size - 1)
    below = int(place)  # of their 80 % quantile
    usual = ordered[below] + (place - below) * (ordered[min(below + 1, heights.size - 1)] - ordered[below])
    weights = np.minimum(np.maximum(heights - 3.0, 0.0), usual)
    if not weights.sum() > 0:
        return StrikeProfile(np.ones(lags.size), float(heights.mean()), int(times.size))
    weights /= weights.sum()
    around = weights @ energy.take(times[:, None] + lags)
    return StrikeProfile(around, float(weights @ heights), int(times.size), float(1 / (weights @ weights)))
