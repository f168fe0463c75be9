"""The residual of a value of which is only known that it stayed below a limit (Tobin, Econometrica 26 (1958) 24-36)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inversion.signal.normal import log_ndtr

Array = NDArray[np.float64]

_LOG_ROOT_2PI = 0.5 * float(np.log(2 * np.pi))
_TINY = 1e-12


def stayed_below(room: Array) -> tuple[Array, Array]:
    """Root of -2 log P(it stayed below), and minus its derivative by the room. room: limit less prediction, deviations.

    In place where it can be: a profile is censored as a whole, and new memory would cost more than the arithmetic.
    """
    log_below = log_ndtr(room)
    steep = room * room
    steep *= -0.5
    steep -= log_below
    steep -= _LOG_ROOT_2PI
    np.exp(steep, out=steep)
    root: Array = log_below
    root *= -2
    np.sqrt(root, out=root)
    steep /= np.maximum(root, _TINY)
    return root, steep
