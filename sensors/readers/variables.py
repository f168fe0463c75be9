"""Variables of a recorded file: which of them are wanted, and each as one-dimensional numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import RecordingError

Floats = NDArray[np.floating[Any]]


def matching(names: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Those names that are in `wanted` or match a shell glob of it, in their own order."""
    return [name for name in names if name in wanted or any(fnmatchcase(name, pattern) for pattern in wanted)]


def may_hold(name: str, wanted: Sequence[str]) -> bool:
    """Whether the top-level variable `name`, or something nested in it, can match a glob of `wanted`."""
    return any(fnmatchcase(name, beginning) for pattern in wanted for beginning in _beginnings(pattern))


def _beginnings(pattern: str) -> list[str]:
    """What of a glob can match the name of a container: up to a dot, up to a star, or all of it."""
    dots = [pattern[:i] for i, letter in enumerate(pattern) if letter == "."]
    stars = [pattern[: i + 1] for i, letter in enumerate(pattern) if letter == "*"]
    return [*dots, *stars, pattern]


def pick(path: Path, arrays: Mapping[str, NDArray[Any]], wanted: Sequence[str]) -> dict[str, Floats]:
    """The wanted ones of `arrays`, each (n,) and floating; a matrix (n, c) gives `name.1` ... `name.c`.

    Raises RecordingError for a wanted array that is no real numbers or has more than two dimensions.
    """
    columns: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        columns |= _columns(name, array)
    return {name: _floats(path, name, columns[name]) for name in matching(columns, wanted)}


def _columns(name: str, array: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """A row, a column and a scalar are one variable; a matrix is one a column."""
    if array.ndim == 2 and min(array.shape) > 1:
        return {f"{name}.{i + 1}": array[:, i] for i in range(array.shape[1])}
    if array.ndim > 2:
        return {name: array}
    return {name: array.reshape(-1)}


def _floats(path: Path, name: str, array: NDArray[Any]) -> Floats:
    if array.dtype.kind not in "fiub" or array.ndim != 1:
        raise RecordingError(
            f"{path}: {name}: expected real numbers in one or two dimensions, "
            f"found {array.dtype.name} of shape {array.shape}"
        )
    return array if array.dtype.kind == "f" else array.astype(np.float64)
