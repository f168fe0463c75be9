"""The one door to the Fourier transform: single precision, real input, fast lengths."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Real = NDArray[np.float32]
Complex = NDArray[np.complex64]


@lru_cache(maxsize=256)
def fast_length(n: int, real: bool = False) -> int:
    """Smallest transform length of at least n that factorizes into small primes."""
    return int(scipy.fft.next_fast_len(n, real=real))


@lru_cache(maxsize=256)
def fast_length_below(n: int) -> int:
    """Largest transform length of at most n that factorizes into small primes."""
    return int(scipy.fft.prev_fast_len(n, real=True))


def spectrum(samples: Real, length: int | None = None) -> Complex:
    """(..., n) real to (..., length // 2 + 1) complex; zero-padded to `length`."""
    result: Complex = scipy.fft.rfft(samples, length)
    return result


def signal(spectrum: Complex, length: int) -> Real:
    """(..., length // 2 + 1) complex to (..., length) real; the inverse of `spectrum`."""
    result: Real = scipy.fft.irfft(spectrum, length)
    return result


def analytic(bins: Complex) -> Complex:
    """(..., n) positive-frequency bins to the (..., n) complex signals they make, in the place of the bins."""
    result: Complex = scipy.fft.ifft(bins, overwrite_x=True)
    return result
