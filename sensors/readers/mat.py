"""MATLAB files (`.mat`), version 5 to 7; version 7.3 is HDF5, which is another format."""

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
from sensors.readers.mat5 import numeric_arrays
from sensors.readers.variables import may_hold, pick

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_AT = 512  # behind a MATLAB header of this many bytes


@dataclass(frozen=True)
class MatReader:
    """Reads numeric variables by name; a matrix (n, c) gives `name.1` ... `name.c`.

    Fields of structs have a path, `bearing.gs`; elements of struct and cell arrays a number, `run.1.gs`.
    """

    def read(self, path: Path, wanted: Sequence[str]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """See `sensors.source.Reader`."""
        try:
            content = path.read_bytes()
        except OSError as problem:
            raise RecordingError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
        if content.startswith((b"MATLAB 7.3", _HDF5)) or content[_HDF5_AT:].startswith(_HDF5):
            raise RecordingError(
                f"{path}: is a MATLAB 7.3 (HDF5) file, which cannot be read; save it with save(..., '-v7') in MATLAB"
            )
        try:
            arrays = numeric_arrays(content, lambda name: may_hold(name, wanted))
        except (ValueError, struct.error, zlib.error, MemoryError) as problem:
            raise RecordingError(f"{path}: damaged or no MATLAB file: {problem}") from problem
        return pick(path, arrays, wanted)
