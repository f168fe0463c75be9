"""Strikes that recur almost regularly: where each one is, and what precedes it on average.

The record is whitened by linear prediction, which shortens the ringing of the structure to single pulses (Sawalhi &
Randall, Mech. Syst. Signal Process. 25 (2011) 846-870, section 4); the strikes are found by dynamic programming
over their times, since the cage slips at random and no fixed period fits a whole record; the energy around
all strikes is averaged.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from inversion.signal.envelope import power
from inversion.signal.split import filter_spectrum, first_lags, squared_envelope
from inversion.signal.toeplitz import solve_symmetric
from inversion.signal.transform import Complex

Array = NDArray[np.float64]
Real = NDArray[np.float32]

_MEDIAN_STRIDE = 13  # enough samples for a median
_RISING = (0.01, 0.05)  # of the sample rate: above what belongs to the shaft
_FALLING = (0.30, 0.46)  # below the sensor's own filter
_CELLS = 64  # that a period is cut into
_SPREAD = 0.03  # of a period: how far a strike may come early or late
_TIGHT = 2.5  # that far is so many standard deviations
_CUT_OFF = 5.0  # standard deviations: where a Gaussian ends
_VECTOR = 16  # numbers that a processor takes at once, or a multiple


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
    typical = _median(energy[::_MEDIAN_STRIDE])
    return np.divide(energy, np.float32(typical), out=energy) if typical > 0 else np.ones(samples, dtype=np.float32)


def _median(values: Real) -> float:
    """As `np.median`, which takes twice the time for some thousand values."""
    low, high = (values.size - 1) // 2, values.size // 2
    ordered = np.partition(values, (low, high) if low < high else low)
    return (float(ordered[low]) + float(ordered[high])) / 2


@lru_cache(maxsize=8)
def _pass_band(samples: int) -> Real:
    """(samples // 2 + 1,) gain, with soft edges: a hard one rings around each strike and hides the entry before it."""
    frequency = np.arange(samples // 2 + 1) / samples
    (low, from_here), (to_here, high) = _RISING, _FALLING
    rising, falling = (frequency - low) / (from_here - low), (high - frequency) / (high - to_here)
    gain: Real = (np.sin(np.pi / 2 * np.clip(np.minimum(rising, falling), 0, 1)) ** 2).astype(np.float32)
    gain.flags.writeable = False
    return gain


def smooth(energy: Real, width: float) -> Real:
    """(n,) convolved (circularly) with a Gaussian of standard deviation `width` samples, cut off beyond five of them.

    Two products of matrices: each block of the result comes of two blocks in a row.
    """
    first, second = _smoothing(width)
    n, block = energy.size, first.shape[0]
    reach = block // 2
    blocks = np.empty((n // block + 2, block), dtype=np.float32)
    wrapped = blocks.reshape(-1)
    wrapped[reach : reach + n] = energy
    wrapped[:reach] = energy[n - reach :]
    wrapped[reach + n :] = energy[: wrapped.size - reach - n]
    smoothed: Real = blocks[:-1] @ first
    smoothed += blocks[1:] @ second
    return smoothed.reshape(-1)[:n]


@lru_cache(maxsize=8)
def _smoothing(width: float) -> tuple[Real, Real]:
    """(m, m) each: what a block of m samples, and the one after it, add to the samples half a block after its own."""
    reach = _VECTOR // 2 * math.ceil(2 * _CUT_OFF * width / _VECTOR)
    behind = np.arange(4 * reach)[:, None] - np.arange(2 * reach)  # the end of what a sample is made of
    both = np.where((behind >= 0) & (behind <= 2 * reach), _gaussian(reach, width).take(behind, mode="clip"), 0)
    both = both.astype(np.float32)
    both.flags.writeable = False
    return both[: 2 * reach], both[2 * reach :]


@lru_cache(maxsize=8)
def _gaussian(reach: int, width: float) -> Real:
    """(2 reach + 1,) of unit sum."""
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    bell /= bell.sum()
    return bell.astype(np.float32)


def strikes(energy: Real, period: float) -> NDArray[np.intp]:
    """Sample numbers of the most probable train of strikes, about one each `period` samples.

    energy: (n,) smoothed; the score is its logarithm, limited so that no single shock decides. A period is as long as
    so many cells, the next strike lies about as many cells further on, and at the highest sample of its cell or the
    ones beside it, since the path may prefer a neighbor to a move.
    """
    cells = int((energy.size - 1) * _CELLS / period)
    if cells < 2 * _CELLS or period < _CELLS:
        return np.zeros(0, dtype=np.intp)
    starts = (np.arange(cells + 1, dtype=np.float64) * (period / _CELLS)).astype(np.intp)
    score = _highest(energy, starts, int(period / _CELLS))
    np.maximum(score, 0.1, out=score)
    np.minimum(score, 200.0, out=score)
    np.log(score, out=score)
    first = starts[_best_path(score)]
    width = int(np.ceil(period / _CELLS))
    inside = first[:, None] + np.arange(-width, 2 * width)
    highest: NDArray[np.intp] = energy.take(inside, mode="clip").argmax(axis=1)
    highest += first - width
    return np.minimum(np.maximum(highest, 0), energy.size - 1)


def _highest(values: Real, starts: NDArray[np.intp], shortest: int) -> Real:
    """(m,) highest of `values` from each of `starts` (m + 1,) to the next: all cells of `shortest` or one sample more.

    A cell is covered by two stretches of the same power of two, one from its start, one to its end.
    """
    stretch, reach = values, 1
    while 2 * reach <= shortest:
        stretch = np.maximum(stretch[:-reach], stretch[reach:])
        reach *= 2
    highest = stretch.take(starts[:-1])
    return np.maximum(highest, stretch.take(starts[1:] - reach), out=highest)


def _best_path(score: Real) -> NDArray[np.intp]:
    """(m,) scores of cells in a row to the cells, a period apart, of the highest sum, less a penalty for each move.

    A train has one strike within the first period and one within the last. It may drift as far as it likes, also past
    where a period began: a cell is followed by one `_CELLS` further on, not by its like in the next row of a table.
    """
    level = score - np.add.reduce(score) / np.float32(score.size)  # so that a strike more is no merit
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
    whole = (flat.size - back) // block
    step = flat.strides[0]
    # blocks of cells that do not follow one another, and what each may follow
    parts = as_strided(flat[back:], (whole, block), (block * step, step))
    around = as_strided(flat, (whole, moves, block), (block * step, 2 * step, step))
    add, highest = np.add, np.maximum.reduce
    for part, near, sums in zip(parts, around, parts[:, None] - penalty, strict=True):
        add(near, sums, out=sums)
        highest(sums, axis=0, out=part)
    last = flat[back + whole * block :]
    sums = last - penalty
    sums += as_strided(flat[whole * block :], (moves, last.size), (2 * step, step))
    highest(sums, axis=0, out=last)


def _trace(total: Real, cell: int) -> list[int]:
    """Cells of the best train that ends at `cell`, the last one first; total: (reach + m,) as added up."""
    penalty, sums = _penalty().tolist(), total.data
    path, back, moves = [cell], _CELLS + len(penalty) // 2, len(penalty)
    while cell >= _CELLS:
        low = cell - _CELLS
        near = sums[low : low + moves].tolist()
        best, move = near[0] - penalty[0], 0
        for k in range(1, moves):
            if (each := near[k] - penalty[k]) > best:
                best, move = each, k
        cell += move - back
        path.append(cell)
    return path


def profiles(energy: Real, times: NDArray[np.intp], reach: int, width: float) -> tuple[Array, float]:
    """Mean energy at 1 ... `reach` samples before the strikes, and after them, each weighted by how far it stands out.

    energy: (n,), which counts smoothed (circularly) by a Gaussian of standard deviation `width` samples. The means are
    smoothed, and the strikes, not the whole record: it is the same. Returns (2, reach), all ones where strikes are too
    few or stand out nowhere, and how many strikes of equal weight would scatter as much as those before.
    """
    bell, last = _gaussian(math.ceil(_CUT_OFF * width), width), energy.size - 1
    span = reach + bell.size // 2
    wrapped = np.concatenate([energy[energy.size - span :], energy, energy[:span]])
    around = as_strided(wrapped, (energy.size, 2 * span + 1), 2 * wrapped.strides)[times]
    heights = (around[:, reach : reach + bell.size] @ bell).astype(np.float64)
    within = np.array([(times > reach) & (times < last - 1), (times > 1) & (times < last - reach)])
    shares = within * _weights(heights)
    totals = np.add.reduce(shares, axis=1)
    if not totals.min() > 0 or np.count_nonzero(within, axis=1).min() < 2:
        return np.ones((2, reach)), 1.0
    shares /= totals[:, None]
    means = shares.astype(np.float32) @ around
    before, after = (np.correlate(mean, bell, mode="valid") for mean in means)
    both = np.array([before[reach - 1 :: -1], after[reach + 1 :]], dtype=np.float64)
    return both, float(1 / (shares[0] @ shares[0]))


def _weights(heights: Array) -> Array:
    """(k,) how much strikes of these heights count: as far as they stand out, but none more than most."""
    if not heights.size:
        return heights
    ordered, place = np.sort(heights), 0.8 * (heights.size - 1)
    below = int(place)  # of their 80 % quantile
    usual = ordered[below] + (place - below) * (ordered[min(below + 1, heights.size - 1)] - ordered[below])
    weights: Array = np.minimum(np.maximum(heights - 3.0, 0.0), usual)
    return weights
