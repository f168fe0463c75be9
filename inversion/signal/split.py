"""One transform made of several shorter ones, which go through one vector unit in the time of one.

A long record is four records, of every fourth sample each; of these the whole is formed, or only the part that is asked
for. Where few samples or few bins are not zero, nothing else is transformed. The same numbers, but for rounding.

Sources: Cooley & Tukey, Math. Comput. 19 (1965) 297-301; Markel, IEEE Trans. Audio Electroacoust. 19 (1971) 305-311
(pruned transforms); Sorensen & Burrus, IEEE Trans. Signal Process. 41 (1993) 1184-1200 (by decomposition, as here).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.signal.fft_library import fft

Real = NDArray[np.float32]
Complex = NDArray[np.complex64]

SHORTEST = 8192  # samples from which this is quicker
_PARTS = 4
_LANES = (64, 32, 16, 8)  # parts of a transform most of whose input or output is nothing
_QUARTER_TURN = np.complex64(1j)


def splits(n: int) -> bool:
    """Whether `spectrum` and `signal` take this length, and are quicker."""
    return n >= SHORTEST and n % (2 * _PARTS) == 0


def spectrum(samples: Real) -> Complex:
    """(n,) real to (n // 2 + 1,) complex; `n` splits."""
    n = samples.size
    quarter, eighth = n // 4, n // 8
    parts = fft.rfft(samples.reshape(quarter, _PARTS), axis=0).T * _turns(n, _PARTS, eighth + 1)
    sums = parts[:2] + parts[2:]
    parts[:2] -= parts[2:]
    even, odd = parts[:2]
    odd *= -_QUARTER_TURN
    whole = np.empty(n // 2 + 1, dtype=np.complex64)
    np.add(sums[0], sums[1], out=whole[: eighth + 1])
    np.conjugate(even - odd, out=whole[quarter - eighth : quarter + 1][::-1])
    np.add(even, odd, out=whole[quarter : quarter + eighth + 1])
    np.conjugate(sums[0] - sums[1], out=whole[n // 2 - eighth :][::-1])
    return whole


def signal(half: Complex, n: int) -> Real:
    """(n // 2 + 1,) complex to (n,) real, the inverse of `spectrum`; `n` splits."""
    quarter, eighth = n // 4, n // 8
    first, second = half[: eighth + 1], half[quarter : quarter + eighth + 1]
    third, fourth = half[n // 2 - eighth :][::-1].conj(), half[quarter - eighth : quarter + 1][::-1].conj()
    parts = np.empty((_PARTS, eighth + 1), dtype=np.complex64)
    even, odd = first + third, second + fourth
    np.add(even, odd, out=parts[0])
    np.subtract(even, odd, out=parts[2])
    np.subtract(first, third, out=even)
    np.subtract(second, fourth, out=odd)
    odd *= _QUARTER_TURN
    np.add(even, odd, out=parts[1])
    np.subtract(even, odd, out=parts[3])
    parts *= _turns_back(n, eighth + 1)
    samples: Real = fft.irfft(parts.T, quarter, axis=0).reshape(n)
    return samples


def low_spectrum(samples: Real, bins: int) -> Complex:
    """(..., n) real to the first `bins` of its spectrum, (..., bins), in two thirds of the time where they are few."""
    n = samples.shape[-1]
    if n % _PARTS or bins > n // (2 * _PARTS) + 1:
        whole: Complex = fft.rfft(samples)
        return whole[..., :bins]
    parts = fft.rfft(samples.reshape(*samples.shape[:-1], n // _PARTS, _PARTS), axis=-2)[..., :bins, :]
    turned = parts.swapaxes(-1, -2) * _turns(n, _PARTS, n // (2 * _PARTS) + 1)[:, :bins]
    low: Complex = np.add.reduce(turned, axis=-2)
    return low


def squared_envelope(half: Complex, n: int) -> Real:
    """(n // 2 + 1,) spectrum, nothing at zero and at the Nyquist frequency, to the (n,) squared envelope of its signal,
    a quarter of it: the squared magnitude of half the analytic signal.
    """
    if n % _PARTS:
        bins = np.zeros(n, dtype=np.complex64)
        bins[: half.size] = half
        squares = fft.ifft(bins, overwrite_x=True).view(np.float32)
    else:
        quarter = n // 4
        low, high = half[:quarter], half[quarter : 2 * quarter]
        parts = np.empty((_PARTS, quarter), dtype=np.complex64)
        np.add(low, high, out=parts[0])
        np.subtract(low, high, out=parts[2])
        turned = high * _QUARTER_TURN
        np.add(low, turned, out=parts[1])
        np.subtract(low, turned, out=parts[3])
        parts *= _turns_back(n, quarter)
        squares = fft.ifft(parts.T, axis=0).view(np.float32).reshape(-1)
    squares *= squares
    squared: Real = squares[::2] + squares[1::2]
    return squared


def first_lags(power: Real, n: int, lags: int) -> NDArray[np.float64]:
    """(n // 2 + 1,) squared magnitudes of a spectrum to the first (lags,) of the circular autocorrelation of n samples.

    That is, of the inverse transform of `power`.
    """
    lanes = _lanes(n, lags)
    if not lanes:
        whole: NDArray[np.float64] = fft.irfft(power.astype(np.complex64), n)[:lags].astype(np.float64)
        return whole
    # of the lanes c and lanes - c each says the same: one is made of the bins of both
    own, half = lanes // 2 + 1, n // lanes // 2
    rows = np.empty((2 * half, own), dtype=np.float32)
    rows[:half] = power[:-1].reshape(half, lanes)[:, :own]
    rows[half:] = power[:0:-1].reshape(half, lanes)[:, :own]
    parts = fft.rfft(rows, axis=0)[:lags]
    parts *= _turns(n, lags, own)
    cosines = parts.real
    total: NDArray[np.float64] = np.add.reduce(cosines, axis=1, dtype=np.float64)
    total *= 2
    total -= cosines[:, 0]
    total -= cosines[:, -1]
    total /= n
    return total


def filter_spectrum(taps: Real, n: int) -> Complex:
    """(k,) samples, k far below n, zero-padded to n, to the (n // 2 + 1,) spectrum."""
    lanes = _lanes(n, taps.size)
    if not lanes:
        whole: Complex = fft.rfft(taps, n)
        return whole
    # bins of the lane lanes - c are those of the lane c from the end, conjugate
    own, half = lanes // 2 + 1, n // lanes // 2
    rows = np.zeros((2 * half, own), dtype=np.complex64)
    np.multiply(taps[:, None], _turns(n, taps.size, own), out=rows[: taps.size])
    parts = fft.fft(rows, axis=0, overwrite_x=True)
    padded = np.empty(n // 2 + 1, dtype=np.complex64)
    both = padded[:-1].reshape(half, lanes)
    both[:, :own] = parts[:half]
    np.conjugate(parts[: half - 1 : -1, own - 2 : 0 : -1], out=both[:, own:])
    padded[-1] = parts[half, 0]
    return padded


def _lanes(n: int, longest: int) -> int:
    """How many parts of n samples are the most that hold `longest` each and split evenly; 0 where there are none."""
    return next((lanes for lanes in _LANES if n % (2 * lanes) == 0 and n // (2 * lanes) >= longest), 0)


@lru_cache(maxsize=32)
def _turns(n: int, rows: int, columns: int) -> Complex:
    """(rows, columns): the products of their numbers, as angles of which n are a turn, forward."""
    angles: Complex = np.exp(-2j * np.pi / n * np.outer(np.arange(rows), np.arange(columns))).astype(np.complex64)
    angles.flags.writeable = False
    return angles


@lru_cache(maxsize=8)
def _turns_back(n: int, columns: int) -> Complex:
    """As `_turns`, backward, and scaled as the mean over the parts."""
    angles: Complex = _turns(n, _PARTS, columns).conj() / np.float32(_PARTS)
    angles.flags.writeable = False
    return angles
