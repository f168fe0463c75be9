"""Levinson's recursion, from SciPy: its compiled function as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.signal.compiled import compiled

Array = NDArray[np.float64]

_levinson: Any
try:
    _levinson = compiled("scipy.linalg._solve_toeplitz").levinson
except (ImportError, AttributeError):  # a SciPy that is built otherwise
    _levinson = None


def solve_symmetric(column: Array, right: Array) -> Array:
    """x of T x = right, (n,), T symmetric with constant diagonals and this first column, (n,).

    The same numbers as `scipy.linalg.solve_toeplitz`. Raises LinAlgError where a leading minor is singular.
    """
    if _levinson is None:
        from scipy.linalg import solve_toeplitz

        solved: Array = solve_toeplitz(column, right)
        return solved
    solved, _ = _levinson(np.concatenate((column[:0:-1], column)), np.ascontiguousarray(right))
    return solved
