"""Text in columns: `.csv` and its relatives."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sensors.errors import RecordingError
from sensors.readers.stamps import TIME_UNITS, seconds_since_1970
from sensors.readers.variables import matching

_SHOWN = 40  # characters of a wrong cell that a message repeats


@dataclass(frozen=True)
class DelimitedReader:
    """Reads columns by the name in the header, or by number (`1` is the first).

    delimiter: one character, or "whitespace" for runs of blanks and tabs
    decimal: "." or ","
    header: whether the first line after the skipped ones names the columns
    names: names of the columns where there is no header, or instead of it
    skip: lines before the header or, without one, before the first row
    time_columns: columns that together give the time of a row, as the variable `time`: s since 1970 by their own clock
    time_format: how they read, joined by blanks, in the words of `datetime.strptime`; empty where they are numbers
    time_units: the unit of each where they are numbers: "d", "h", "min", "s", "ms", "us" or "ns"
    encoding: of the text; a byte order mark is skipped

    Empty lines are skipped. An empty cell is a missing value, NaN; any other text among numbers is an error.
    """

    delimiter: str = ","
    decimal: str = "."
    header: bool = True
    names: tuple[str, ...] = ()
    skip: int = 0
    time_columns: tuple[str, ...] = ()
    time_format: str = ""
    time_units: tuple[str, ...] = ()
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if self.delimiter != "whitespace" and (len(self.delimiter) != 1 or self.delimiter in "\r\n\"'"):
            raise ValueError(f"delimiter must be one character or 'whitespace', got {self.delimiter!r}")
        if self.decimal not in (".", ",") or self.decimal == self.delimiter:
            raise ValueError(f"decimal must be '.' or ',' and not the delimiter, got {self.decimal!r}")
        if self.skip < 0:
            raise ValueError(f"skip must be 0 or more lines, got {self.skip}")
        if self.time_columns and bool(self.time_format) == bool(self.time_units):
            raise ValueError("time_columns need either time_format or time_units")
        if self.time_units and len(self.time_units) != len(self.time_columns):
            raise ValueError(
                f"time_units must be one a time column, got {len(self.time_units)} for {len(self.time_columns)}"
            )
        if unknown := set(self.time_units) - set(TIME_UNITS):
            raise ValueError(f"time_units must be of {', '.join(TIME_UNITS)}, got {', '.join(sorted(unknown))}")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(f"encoding must be one that Python knows, got {self.encoding!r}") from None

    def read(self, path: Path, wanted: Sequence[str]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """See `sensors.source.Reader`; a column asked for by number comes back under that number."""
        table = self._table(path)
        variables: dict[str, NDArray[np.floating[Any]]] = {}
        for name, column in _wanted(table.names, wanted, self.time_columns):
            if name in variables:
                raise RecordingError(f"{path}: two columns are named {name!r}; ask for one of them by its number")
            variables[name] = self._numbers(table, column)
        if self.time_columns and matching(["time"], wanted):
            variables["time"] = self._time(table)
        return variables

    def _table(self, path: Path) -> _Table:
        lines = _text(path, self.encoding).splitlines()
        quoted = any('"' in line for line in lines)
        rows: list[list[str]] = []
        numbers: list[int] = []
        for number, line in enumerate(lines[self.skip :], self.skip + 1):
            if not line or line.isspace():
                continue
            cells = self._split(path, number, line, quoted)
            if rows and len(cells) != len(rows[0]):
                raise RecordingError(f"{path}:{number}: expected {len(rows[0])} columns, found {len(cells)}")
            rows.append(cells)
            numbers.append(number)
        first = 1 if self.header else 0
        if len(rows) <= first:
            raise RecordingError(f"{path}: has zero rows of numbers in {len(lines)} lines")
        names = self.names or tuple(cell.strip() for cell in rows[0] if self.header)
        names = names or tuple(str(i + 1) for i in range(len(rows[0])))
        if len(names) != len(rows[0]):
            raise RecordingError(
                f"{path}:{numbers[0]}: expected {len(names)} columns ({', '.join(names)}), found {len(rows[0])}"
            )
        return _Table(path, names, tuple(zip(*rows[first:], strict=True)), numbers[first:])

    def _split(self, path: Path, number: int, line: str, quoted: bool) -> list[str]:
        if self.delimiter == "whitespace":
            return line.split()
        if not quoted:
            return line.split(self.delimiter)
        try:
            return next(csv.reader([line], delimiter=self.delimiter))
        except csv.Error as problem:
            raise RecordingError(f"{path}:{number}: no delimited text: {problem}") from problem

    def _numbers(self, table: _Table, column: int) -> NDArray[np.float64]:
        """(n,) numbers of a column, counted from 0. Raises RecordingError at the first cell that is none."""
        cells = table.columns[column]
        try:
            return np.array([self._number(cell) for cell in cells])
        except ValueError:
            wrong = next(i for i, cell in enumerate(cells) if not self._is_number(cell))
            table.refuse(column, wrong, "a number")

    def _number(self, cell: str) -> float:
        if self.decimal == ",":
            if "." in cell:
                raise ValueError(cell)
            cell = cell.replace(",", ".")
        if "_" in cell:  # Python reads 1_000 as a number, nobody else does
            raise ValueError(cell)
        return float(cell) if cell and not cell.isspace() else float("nan")

    def _is_number(self, cell: str) -> bool:
        try:
            self._number(cell)
        except ValueError:
            return False
        return True

    def _time(self, table: _Table) -> NDArray[np.float64]:
        """(n,) s since 1970 of each row."""
        columns = [_column(table, name) for name in self.time_columns]
        if self.time_units:
            factors = [TIME_UNITS[unit] for unit in self.time_units]
            seconds = np.zeros(len(table.lines))
            for factor, column in zip(factors, columns, strict=True):
                seconds += factor * self._numbers(table, column)
            return seconds
        cells = zip(*(table.columns[column] for column in columns), strict=True)
        stamps = [" ".join(cell.strip() for cell in row) for row in cells]
        seconds, wrong = seconds_since_1970(stamps, self.time_format)
        if wrong is not None:
            table.refuse(columns[0], wrong, f"a time as {self.time_format!r}", stamps[wrong])
        return seconds


@dataclass(frozen=True)
class _Table:
    """The cells of a file by column, with the line of each row."""

    path: Path
    names: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    lines: list[int]

    def refuse(self, column: int, row: int, expected: str, found: str | None = None) -> NoReturn:
        """Raises RecordingError that names the cell; both are counted from 0."""
        cell = self.columns[column][row] if found is None else found
        shown = cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}..."
        raise RecordingError(
            f"{self.path}:{self.lines[row]}: column {self.names[column]!r}: expected {expected}, found {shown!r}"
        )


def _text(path: Path, encoding: str) -> str:
    try:
        text = path.read_bytes().decode(encoding)
    except OSError as problem:
        raise RecordingError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
    except UnicodeError as problem:
        raise RecordingError(f"{path}: must be text in {encoding}: {problem}") from problem
    return text.removeprefix("\ufeff")


def _wanted(names: tuple[str, ...], wanted: Sequence[str], time_columns: tuple[str, ...]) -> list[tuple[str, int]]:
    """Name and place of the columns asked for; those of the time are read as the time only, unless named."""
    found = [
        (name, i)
        for i, name in enumerate(names)
        if name in wanted or (name not in time_columns and matching([name], wanted))
    ]
    taken = {name for name, _ in found}
    by_number = [(key, int(key) - 1) for key in wanted if key.isdecimal() and key not in taken]
    return found + [(key, i) for key, i in by_number if 0 <= i < len(names)]


def _column(table: _Table, name: str) -> int:
    for found, i in _wanted(table.names, [name], ()):
        if found == name:
            return i
    raise RecordingError(f"{table.path}: has no time column {name!r}, there are: {', '.join(table.names)}")
