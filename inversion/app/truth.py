"""A table of known truth: which recording, which window, which group, and the parameters as people say them.

Columns of the CSV file: `file` (name of the recording), `window` (running number inside it, from 0; empty or absent:
all of them), `group` (what is left out together; by default the file), `leave_out` (a reason not to learn from the
window, such as "not yet static"; empty: learn), `location` (where the damage is: "outer", "inner", "ball", "none"; only
to validate), and one column a parameter, in the unit that people see (empty: not known).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inversion.core import ConfigurationError, Parameter

_OURS = ("file", "window", "group", "leave_out", "location")


@dataclass(frozen=True)
class TrueWindow:
    """One row. window: None for every window of the file; values: SI by parameter; line: in the table."""

    file: str
    window: int | None
    group: str
    leave_out: str
    values: Mapping[str, float]
    line: int
    location: str = ""


@dataclass(frozen=True)
class Truth:
    """All rows of a table, looked up by file and window."""

    path: Path
    rows: tuple[TrueWindow, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the recordings, in the order of the table."""
        return tuple(dict.fromkeys(row.file for row in self.rows))

    def of(self, file: str) -> Mapping[int | None, TrueWindow]:
        """The rows of a file by window."""
        return {row.window: row for row in self.rows if row.file == file}


def read_truth(path: Path, parameters: Sequence[Parameter], columns: Mapping[str, str] | None = None) -> Truth:
    """The table, checked against the parameters there are.

    columns: what a table of somebody else's calls ours, by our names; where given, its other columns are ignored

    Raises ConfigurationError, one line `table:line: column: what`: no number, a truth outside the parameter's range, a
    column that is no parameter, one window labelled twice and differently, no row at all.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            there, cells = list(reader.fieldnames or []), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ConfigurationError(f"{path}: cannot be read as a table of truth: {problem}") from problem
    known = {parameter.name: parameter for parameter in parameters}
    if columns:
        there, cells = _renamed(path, there, cells, columns, (*_OURS, *known))
    if "file" not in there:
        raise ConfigurationError(f"{path}:1: expected a column 'file', found {', '.join(there) or 'nothing'}")
    for column in there:
        if column not in known and column not in _OURS:
            raise ConfigurationError(f"{path}:1: {column}: no such parameter, there are: {', '.join(known)}")
    rows = tuple(_row(path, line, row, known) for line, row in enumerate(cells, start=2))
    if not rows:
        raise ConfigurationError(f"{path}: holds no labelled window, only a header")
    _refuse_contradictions(path, rows)
    return Truth(path, rows)


def _renamed(
    path: Path,
    there: Sequence[str],
    cells: Sequence[Mapping[str, str | None]],
    columns: Mapping[str, str],
    known: Sequence[str],
) -> tuple[list[str], list[dict[str, str | None]]]:
    """The table under our names: columns that are mapped, and those that bear such a name already."""
    for ours, theirs in columns.items():
        if ours not in known:
            raise ConfigurationError(f"{path}: {ours}: no such column of truth, there are: {', '.join(known)}")
        if theirs not in there:
            raise ConfigurationError(f"{path}:1: expected a column {theirs!r}, found {', '.join(there)}")
    kept = {name: columns.get(name, name) for name in known if columns.get(name, name) in there}
    return list(kept), [{ours: row.get(theirs) for ours, theirs in kept.items()} for row in cells]


def _row(path: Path, line: int, row: Mapping[str, str | None], known: Mapping[str, Parameter]) -> TrueWindow:
    file = (row.get("file") or "").strip()
    if not file:
        raise ConfigurationError(f"{path}:{line}: file: expected the name of a recording, found nothing")
    window = (row.get("window") or "").strip()
    if window and not window.isdecimal():
        raise ConfigurationError(f"{path}:{line}: window: expected a running number from 0, found {window!r}")
    values = {
        name: _value(f"{path}:{line}: {name}", cell, parameter)
        for name, parameter in known.items()
        if (cell := (row.get(name) or "").strip())
    }
    group = (row.get("group") or "").strip() or file
    location = (row.get("location") or "").strip()
    return TrueWindow(
        file, int(window) if window else None, group, (row.get("leave_out") or "").strip(), values, line, location
    )


def _value(where: str, cell: str, parameter: Parameter) -> float:
    try:
        shown = float(cell)
    except ValueError:
        raise ConfigurationError(f"{where}: expected a number, found {cell!r}") from None
    low, high = parameter.to_shown(parameter.low), parameter.to_shown(parameter.high)
    if not low - 1e-9 * (high - low) <= shown <= high + 1e-9 * (high - low):
        raise ConfigurationError(
            f"{where}: truth must lie between {low:g} and {high:g} {parameter.shown}, found {cell}"
        )
    return float(np.clip(parameter.from_shown(shown), parameter.low, parameter.high))


def _refuse_contradictions(path: Path, rows: Sequence[TrueWindow]) -> None:
    seen: dict[tuple[str, int | None], TrueWindow] = {}
    for row in rows:
        other = seen.setdefault((row.file, row.window), row)
        if other is row:
            continue
        which = row.file if row.window is None else f"{row.file}, window {row.window}"
        if other.values != row.values:
            raise ConfigurationError(f"{path}:{row.line}: {which}: contradicts line {other.line}, which labels it too")
        raise ConfigurationError(f"{path}:{row.line}: {which}: labelled on line {other.line} already")
