"""Findings as flat tables: one row a window, one column a value, the unit in the column's name."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from inversion.core import ConfigurationError

_ROWS = 4096  # held in memory at once
_TEXTS = (
    "asset", "start", "source", "engine", "network", "precision", "quality", "reason",
    "journal", "alarm", "time", "from", "to", "by", "comment", "text", "severity", "condition", "parameter", "side",
    "unit", "value_unit", "kind",
)  # fmt: skip
_WHOLE = ("start_ns", "position", "sequence", "time_ns", "until_ns")
_FACTS = ("clock_trusted", "announced")
_PLAIN = ("asset", "start", "start_ns", "clock_trusted", "duration_s", "source", "position", "engine")


def flatten(finding: Mapping[str, Any]) -> dict[str, Any]:
    """A finding of the JSON contract as one row, such as `outer_spall_mean_mm`, `track_outer_spall_high_mm`."""
    row = {key: finding[key] for key in _PLAIN}
    answered = finding.get("network") or {}  # findings of before networks have none
    row |= {"network": answered.get("network"), "precision": answered.get("precision")}
    row |= finding["fit"]
    for name, parameter in finding["parameters"].items():
        row |= _columns(name, parameter)
    for name, parameter in (finding["track"] or {}).items():
        row |= _columns(f"track_{name}", parameter)
    for alarm in finding["alarms"]:
        row[f"alarm_{_word(alarm['name'])}_probability"] = alarm["probability"]
        row[f"alarm_{_word(alarm['name'])}_state"] = alarm["state"]
    return row


def write_csv(findings: Path, table: Path) -> None:
    """The findings of a JSON Lines file as a CSV file with a header, UTF-8, decimal points."""
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = _rows(findings)
        first = next(rows, None)
        if first is None:
            return
        writer = csv.DictWriter(file, list(first))
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)


def write_parquet(findings: Path, table: Path) -> None:
    """The findings of a JSON Lines file as a Parquet file, some thousand rows in memory at once."""
    arrow, parquet = require_pyarrow()
    rows = _rows(findings)
    chunk = list(islice(rows, _ROWS))
    schema = arrow.schema([(name, _type(arrow, name)) for name in (chunk[0] if chunk else _PLAIN)])
    with parquet.ParquetWriter(table, schema) as writer:
        while chunk:
            writer.write_table(arrow.Table.from_pylist(chunk, schema))
            chunk = list(islice(rows, _ROWS))


def write_rows(lines: Path, table: Path) -> None:
    """Rows, a line of JSON each and all with the same keys, as a Parquet file. Raises ValueError where some differ."""
    arrow, parquet = require_pyarrow()
    with lines.open(encoding="utf-8") as file:
        rows = (json.loads(line) for line in file)
        chunk = list(islice(rows, _ROWS))
        keys = chunk[0].keys()
        schema = arrow.schema([(name, _type(arrow, name)) for name in chunk[0]])
        with parquet.ParquetWriter(table, schema) as writer:
            while chunk:
                if any(row.keys() != keys for row in chunk):
                    raise ValueError("rows differ in their columns")
                writer.write_table(arrow.Table.from_pylist(chunk, schema))
                chunk = list(islice(rows, _ROWS))


def require_pyarrow() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet. Raises ConfigurationError with what to install."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ConfigurationError(
            "--format parquet needs pyarrow, which is not installed: pip install 'edge-inversion[parquet]'"
        ) from error
    return pyarrow, parquet


def _rows(findings: Path) -> Iterator[dict[str, Any]]:
    with findings.open(encoding="utf-8") as lines:
        for line in lines:
            yield flatten(json.loads(line))


def _columns(name: str, parameter: Mapping[str, Any]) -> dict[str, Any]:
    unit = _word(parameter["unit"].replace("/", "_per_").replace("%", "percent").replace("µ", "u"))
    suffix = "" if parameter["unit"] == "1" else f"_{unit}"
    values = {f"{name}_{key}{suffix}": parameter[key] for key in ("mean", "low", "high", "floor")}
    return values | {f"{name}_level": parameter["level"], f"{name}_resolvable": parameter["resolvable"]}


def _word(text: str) -> str:
    """Letters, digits and underscores only, as column names should be."""
    return re.sub(r"\W+", "_", text).strip("_")


def _type(arrow: Any, column: str) -> Any:
    """Arrow type of a column, by its name: types must not depend on which values happen to be missing."""
    if column in _WHOLE:
        return arrow.int64()
    if column in _FACTS or column.endswith("_resolvable"):
        return arrow.bool_()
    if column in _TEXTS or column.endswith("_state"):
        return arrow.string()
    return arrow.float64()
