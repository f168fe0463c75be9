"""The normal distribution, from SciPy: its compiled functions as they are, element-wise.

ndtr(x): share below x; ndtri: its inverse; log_ndtr: its logarithm, exact far out; ndtri_exp: the inverse of that
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from inversion.signal.compiled import compiled

__all__ = ["log_ndtr", "ndtr", "ndtri", "ndtri_exp"]


def _functions() -> Any:
    try:
        return compiled("scipy.special._ufuncs")
    except ImportError:  # a SciPy that is built otherwise: more memory, the same numbers
        return import_module("scipy.special")


log_ndtr, ndtr, ndtri, ndtri_exp = (getattr(_functions(), name) for name in __all__)
