"""The functions of `scipy.fft` that are used here, straight on its compiled core: the same numbers, fewer imports.

Raises ImportError when it is imported where the installed SciPy has another core; `scipy.fft` itself serves then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from inversion.signal.compiled import compiled

_core = compiled("scipy.fft._pocketfft.pypocketfft")
_FORWARD, _INVERSE = 0, 2  # scaling: none, by 1/n
_THREADS = 1


def next_fast_len(n: int, real: bool = False) -> int:
    """Smallest length of at least n that transforms fast."""
    return int(_core.good_size(n, real))


def prev_fast_len(n: int, real: bool = False) -> int:
    """Largest length of at most n that transforms fast."""
    return int(_core.prev_good_size(n, real))


def rfft(x: Any, n: int | None = None, axis: int = -1) -> Any:
    """(..., m) real to (..., n // 2 + 1) complex, in the precision of x; cut or zero-padded to n first.

    Along another axis than the last one, of whole length only.
    """
    return _core.r2c(_fitted(x, n), (axis,), True, _FORWARD, None, _THREADS)


def irfft(x: Any, n: int, axis: int = -1) -> Any:
    """(..., m) complex to (..., n) real, in the precision of x; along another axis than the last, m is n // 2 + 1."""
    whole = _fitted(x, n // 2 + 1) if axis == -1 else x
    return _core.c2r(whole, (axis,), n, False, _INVERSE, None, _THREADS)


def fft(x: Any, axis: int = -1, overwrite_x: bool = False) -> Any:
    """(..., n) complex to as many, in the precision of x, and in its place where it may be overwritten."""
    return _core.c2c(x, (axis,), True, _FORWARD, x if overwrite_x else None, _THREADS)


def ifft(x: Any, axis: int = -1, overwrite_x: bool = False) -> Any:
    """The inverse of `fft`."""
    return _core.c2c(x, (axis,), False, _INVERSE, x if overwrite_x else None, _THREADS)


def _fitted(x: Any, n: int | None) -> Any:
    if n is None or n == x.shape[-1]:
        return x
    if n < x.shape[-1]:
        return x[..., :n]
    padded = np.zeros((*x.shape[:-1], n), x.dtype)
    padded[..., : x.shape[-1]] = x
    return padded


def _is_as_expected() -> bool:
    """Tried on one small wave, so that a core that has changed is found out now and not in a worker."""
    wave = np.cos(2 * np.pi * np.arange(8) / 8).astype(np.float32)
    try:
        bins = rfft(wave)
        back = irfft(bins, 8)
        both = ifft(np.eye(1, 8, 1, dtype=np.complex64))
        lengths = next_fast_len(17, True), prev_fast_len(17, True)
    except (TypeError, ValueError, AttributeError, RuntimeError):
        return False
    return bool(
        np.allclose(bins, np.eye(1, 5, 1)[0] * 4, atol=1e-5)
        and np.allclose(back, wave, atol=1e-6)
        and np.allclose(both.real[0] * 8, wave, atol=1e-5)
        and lengths == (18, 16)
    )


if not _is_as_expected():
    raise ImportError("the compiled core of scipy.fft is not the one that is known", name=_core.__name__)
