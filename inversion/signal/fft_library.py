"""Which library transforms: the compiled core of `scipy.fft` alone where it is the one known here, else all of it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def _library() -> Any:
    try:
        return import_module("inversion.signal.pocketfft")
    except ImportError:
        return import_module("scipy.fft")


fft = _library()
