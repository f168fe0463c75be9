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
