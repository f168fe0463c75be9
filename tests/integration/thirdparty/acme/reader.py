"""A column of numbers, one a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TextReader:
    """Reads a text file of numbers as the one variable `column`."""

    comment: str = "#"

    def read(self, path: Path, wanted: Sequence[str]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """The variable `column`, (n,)."""
        return {"column": np.loadtxt(path, comments=self.comment)} if "column" in wanted else {}
