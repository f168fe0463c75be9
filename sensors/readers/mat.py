"""MATLAB files (`.mat`), version 4 to 7; version 7.3 is HDF5, which is another format."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import RecordingError
from sensors.readers.variables import may_hold, pick

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEADER = 512  # HDF5 begins after a MATLAB header of this many bytes

#: What scipy raises for a file that is cut off or overwritten.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class MatReader:
    """Reads numeric variables by name: fields of structs by path (`bearing.gs`), those of struct arrays by number
    too (`run.1.gs`); a matrix (n, c) gives `name.1` ... `name.c`.
    """

    def read(self, path: Path, wanted: Sequence[str]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """See `sensors.source.Reader`."""
        from scipy.io import loadmat, whosmat  # 170 ms and 20 MB, so only where a .mat is read
        from scipy.io.matlab import MatReadError

        try:
            _refuse_hdf5(path)
            names = [name for name, _, _ in whosmat(path) if may_hold(name, wanted)]
            content = loadmat(path, variable_names=names, simplify_cells=True) if names else {}
        except (*_DAMAGE, MatReadError) as problem:
            what = " ".join(str(problem).split()) or type(problem).__name__
            raise RecordingError(f"{path}: damaged or no MATLAB file: {what}") from problem
        except OSError as problem:
            raise RecordingError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
        arrays: dict[str, NDArray[Any]] = {}
        for name in names:
            _flatten(name, content.get(name), arrays)
        return pick(path, arrays, wanted)


def _refuse_hdf5(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(_HEADER + len(_HDF5))
    if start.startswith((b"MATLAB 7.3", _HDF5)) or start[_HEADER:] == _HDF5:
        raise RecordingError(
            f"{path}: is a MATLAB 7.3 (HDF5) file, which cannot be read; save it with save(..., '-v7') in MATLAB"
        )


def _flatten(name: str, value: Any, into: dict[str, NDArray[Any]]) -> None:
    """Nested structs to names joined by dots; what holds no numbers (text, functions) is left out."""
    if isinstance(value, Mapping):
        for field, inner in value.items():
            _flatten(f"{name}.{field}", inner, into)
    elif isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype == object):
        for i, inner in enumerate(value, start=1):
            _flatten(f"{name}.{i}", inner, into)
    elif isinstance(value, (np.ndarray, np.number, int, float)):
        array = np.asarray(value)
        if array.dtype.kind in "fiubc":
            into[name] = array
