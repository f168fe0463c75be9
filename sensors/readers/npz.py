"""NumPy archives (`.npz`)."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import RecordingError
from sensors.readers.variables import may_hold, pick

#: What zipfile and numpy raise for an archive that is cut off or overwritten.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,  # an unknown compression
    OverflowError,
    RuntimeError,  # an encrypted member
    ValueError,  # no .npy inside, or an array of objects
)


@dataclass(frozen=True)
class NpzReader:
    """Reads the arrays of an archive by name; a matrix (n, c) gives `name.1` ... `name.c`.

    Objects (pickles) are never loaded.
    """

    def read(self, path: Path, wanted: Sequence[str]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """See `sensors.source.Reader`."""
        try:
            with zipfile.ZipFile(path) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
                arrays = {name: _array(archive, f"{name}.npy") for name in names if may_hold(name, wanted)}
        except OSError as problem:
            raise RecordingError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
        except _DAMAGE as problem:
            raise RecordingError(f"{path}: damaged or no .npz archive: {problem}") from problem
        return pick(path, arrays, wanted)


def _array(archive: zipfile.ZipFile, member: str) -> NDArray[Any]:
    """One array; its bytes are read whole first, so that their check sum is verified before they are believed."""
    array: NDArray[Any] = np.lib.format.read_array(BytesIO(archive.read(member)), allow_pickle=False)
    return array
