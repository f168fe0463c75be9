"""The one door to the Fourier transform: single precision, real input, fast lengths."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _library() -> Any:
    try:
        return import_module("inversion.signal.pocketfft")
    except ImportError:
        return import_module("scipy.fft")


_fft = _library()

_APART = 4

Real = NDArray[np.float32]
Complex = NDArray[np.complex64]


@lru_cache(maxsize=256)
def fast_length(n: int, real: bool = False) -> int:
    """Smallest transform length of at least n that factorizes into small primes."""
    return int(_fft.next_fast_len(n, real=real))


@lru_cache(maxsize=256)
def fast_length_below(n: int) -> int:
    """Largest transform length of at most n that factorizes into small primes."""
    return int(_fft.prev_fast_len(n, real=True))


def spectrum(samples: Real, length: int | None = None) -> Complex:
    """(..., n) real to (..., length // 2 + 1) complex; zero-padded to `length`."""
    result: Complex = _fft.rfft(samples, length)
    return result


def signal(spectrum: Complex, length: int) -> Real:
    """(..., length // 2 + 1) complex to (..., length) real; the inverse of `spectrum`."""
    result: Real = _fft.irfft(spectrum, length)
    return result


def analytic(bins: Complex) -> Complex:
    """(..., n) positive-frequency bins to the (..., n) complex signals they make, in the place of the bins."""
    result: Complex = _fft.ifft(bins, overwrite_x=True)
    return result


def low_spectrum(samples: Real, bins: int) -> Complex:
    """(..., n) real to the first `bins` of `spectrum`, (..., bins), in half the time where they are few.

    Every `_APART`-th sample from each of as many starts makes a transform of its own, all at once in one vector unit;
    of their sums only those that are asked for are formed (Markel, IEEE Trans. Audio Electroacoust. 19 (1971) 305-311).
    """
    n = samples.shape[-1]
    if n % _APART or bins > n // (2 * _APART) + 1:
        return spectrum(samples)[..., :bins]
    parts = _fft.rfft(samples.reshape(*samples.shape[:-1], n // _APART, _APART), axis=-2)[..., :bins, :]
    turned = parts.swapaxes(-1, -2) * _turns(n, bins)
    low: Complex = np.add.reduce(turned, axis=-2)
    return low


@lru_cache(maxsize=16)
def _turns(n: int, bins: int) -> Complex:
    """(_APART, bins): by how much each start turns each bin."""
    turns: Complex = np.exp(-2j * np.pi / n * np.outer(np.arange(_APART), np.arange(bins))).astype(np.complex64)
    turns.flags.writeable = False
    return turns
