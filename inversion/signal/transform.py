"""The one door to the Fourier transform: single precision, real input, fast lengths."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.signal import split
from inversion.signal.fft_library import fft

Real = NDArray[np.float32]
Complex = NDArray[np.complex64]


@lru_cache(maxsize=256)
def fast_length(n: int, real: bool = False) -> int:
    """Smallest transform length of at least n that factorizes into small primes."""
    return int(fft.next_fast_len(n, real=real))


@lru_cache(maxsize=256)
def fast_length_below(n: int) -> int:
    """Largest transform length of at most n that factorizes into small primes."""
    return int(fft.prev_fast_len(n, real=True))


def spectrum(samples: Real, length: int | None = None) -> Complex:
    """(..., n) real to (..., length // 2 + 1) complex; zero-padded to `length`."""
    whole = samples.ndim == 1 and length in (None, samples.size)
    if whole and samples.dtype == np.float32 and split.splits(samples.size):
        return split.spectrum(samples)
    result: Complex = fft.rfft(samples, length)
    return result


def signal(spectrum: Complex, length: int) -> Real:
    """(..., length // 2 + 1) complex to (..., length) real; the inverse of `spectrum`."""
    whole = spectrum.ndim == 1 and spectrum.size == length // 2 + 1
    if whole and spectrum.dtype == np.complex64 and split.splits(length):
        return split.signal(spectrum, length)
    result: Real = fft.irfft(spectrum, length)
    return result


def analytic(bins: Complex) -> Complex:
    """(..., n) positive-frequency bins to the (..., n) complex signals they make, in the place of the bins."""
    result: Complex = fft.ifft(bins, overwrite_x=True)
    return result
