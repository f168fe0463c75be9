"""Named arrays in a file, whole or not at all; never a pickle."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.store.whole import whole
from inversion.training.network.errors import TrainingError


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes beside the final name, then renames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a file. Raises TrainingError for one that is absent, damaged or holds objects."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except OSError as problem:
        raise TrainingError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as problem:
        raise TrainingError(f"{path}: damaged or no file of arrays") from problem
