"""Matrices with named rows and columns, from a CSV or NPZ file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from inversion.core import ConfigurationError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NamedMatrix:
    """values: (d, p) finite; rows: d names; columns: p names."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Array


def read_matrix(path: Path) -> NamedMatrix:
    """The matrix in a file, by its ending.

    .csv: the first line names the columns, the first column names the rows, the corner may hold anything
    .npz: arrays `matrix` (d, p), `rows` (d,) and `columns` (p,), the last two of text
    Raises ConfigurationError, one line with file and line, for a shape that does not fit, text, NaN, or two rows or
    columns of one name.
    """
    readers = {".csv": _read_csv, ".npz": _read_npz}
    if path.suffix.lower() not in readers:
        raise ConfigurationError(f"{path}: expected a matrix file that ends in {' or '.join(readers)}")
    try:
        found = readers[path.suffix.lower()](path)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from error
    for kind, names in (("row", found.rows), ("column", found.columns)):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(f"{path}: expected {kind}s of different names, found {twice[0]!r} twice")
    return found


def _read_csv(path: Path) -> NamedMatrix:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [(i, row) for i, row in enumerate(csv.reader(file), start=1) if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path}: cannot be read as CSV: {error}") from error
    if len(lines) < 2 or len(lines[0][1]) < 2:
        raise ConfigurationError(
            f"{path}: expected a line of column names, then a line a row; found {len(lines)} lines"
        )
    columns = tuple(cell.strip() for cell in lines[0][1][1:])
    values = [_numbers(path, i, row[1:], len(columns)) for i, row in lines[1:]]
    return NamedMatrix(tuple(row[0].strip() for _, row in lines[1:]), columns, np.array(values))


def _numbers(path: Path, line: int, cells: Sequence[str], expected: int) -> list[float]:
    if len(cells) != expected:
        raise ConfigurationError(f"{path}:{line}: expected {expected} numbers, one a column, found {len(cells)}")
    numbers = []
    for place, cell in enumerate(cells, start=2):
        try:
            number = float(cell)
        except ValueError:
            number = np.nan
        if not np.isfinite(number):
            raise ConfigurationError(f"{path}:{line}: column {place}: expected a finite number, found {cell.strip()!r}")
        numbers.append(number)
    return numbers


def _read_npz(path: Path) -> NamedMatrix:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("matrix", "rows", "columns") if name in stored}
    except (ValueError, BadZipFile, EOFError) as error:
        raise ConfigurationError(f"{path}: cannot be read as NPZ: {error}") from error
    missing = [name for name in ("matrix", "rows", "columns") if name not in arrays]
    if missing:
        raise ConfigurationError(f"{path}: expected the arrays matrix, rows and columns, found no {missing[0]!r}")
    values, rows, columns = arrays["matrix"], arrays["rows"], arrays["columns"]
    if values.ndim != 2 or rows.shape != values.shape[:1] or columns.shape != values.shape[1:] or values.size == 0:
        raise ConfigurationError(
            f"{path}: expected matrix (d, p), rows (d,) and columns (p,), "
            f"found {values.shape}, {rows.shape} and {columns.shape}"
        )
    if values.dtype.kind not in "fiu" or not np.all(np.isfinite(values)):
        raise ConfigurationError(f"{path}: matrix: expected finite numbers, found NaN, infinite or no numbers")
    return NamedMatrix(tuple(map(str, rows)), tuple(map(str, columns)), values.astype(np.float64))
