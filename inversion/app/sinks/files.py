"""Findings and alarms as tables, CSV or Parquet, a file for so many hours or megabytes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inversion.app.bounds import MOST_MB, check_within
from inversion.app.journal import Entry
from inversion.app.rotating import Table, alarm_row
from inversion.app.tables import flatten

_NAMES = {"finding": "findings", "alarm": "alarms", "event": "events"}


@dataclass(frozen=True)
class FilesSink:
    """One row a record; a file has its final name once it is whole, and until then `.open` behind it.

    format: "csv" or "parquet"; kinds: of records, a series of files each
    rotate_mb, rotate_h: when the open file is finished; most_mb: of the finished files of a series, 0 for no limit
    """

    folder: Path
    format: str = "csv"
    kinds: tuple[str, ...] = ("finding", "alarm")
    rotate_mb: float = 16.0
    rotate_h: float = 24.0
    most_mb: float = 0.0

    def __post_init__(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"folder must be a folder, found the file {self.folder}")
        if self.format not in ("csv", "parquet"):
            raise ValueError(f"format must be csv or parquet, got {self.format!r}")
        if self.format == "parquet" and find_spec("pyarrow") is None:
            raise ValueError("format parquet needs pyarrow: pip install 'edge-inversion[parquet]'")
        if not self.kinds or not set(self.kinds) <= set(_NAMES):
            raise ValueError(f"kinds must be some of {', '.join(_NAMES)}, got {list(self.kinds)}")
        check_within("rotate_mb", self.rotate_mb, 0.001, 10_000.0, "MB", "nobody reads a file before it is finished")
        check_within("rotate_h", self.rotate_h, 0.01, 744.0, "h", "nobody reads a file before it is finished")
        check_within("most_mb", self.most_mb, 0.0, MOST_MB, "MB", "no disk holds more; 0 is no limit")
        if 0 < self.most_mb < self.rotate_mb:
            raise ValueError(f"most_mb must be 0, or at least rotate_mb, {self.rotate_mb:g}, got {self.most_mb:g}")

    @property
    def writes(self) -> tuple[tuple[str, Path], ...]:
        """Series of files that nobody else may write."""
        return tuple(("folder", self.folder / f"{_NAMES[kind]}-*.{self.format}") for kind in self.kinds)

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Findings alone, without names of their records. Raises OSError."""
        now_ns = time.time_ns()
        await self.write_records([Entry(0, "finding", str(f["asset"]), 0, "", now_ns, f) for f in findings])

    async def write_records(self, entries: Sequence[Entry]) -> None:
        """Raises OSError; what is on the disk by then may come a second time, under the same name."""
        await asyncio.to_thread(self._write, entries)

    async def close(self) -> None:
        """Finishes the open files."""
        await asyncio.to_thread(self._finish)

    def _write(self, entries: Sequence[Entry]) -> None:
        with self._alone:  # a delivery that was given up for lost may still be at it
            for kind, table in self._tables.items():
                rows = [_row(entry) for entry in entries if entry.kind == kind]
                if rows:
                    table.add(rows)

    def _finish(self) -> None:
        with self._alone:
            for table in self._tables.values():
                table.finish()

    @cached_property
    def _tables(self) -> dict[str, Table]:
        size, most = int(self.rotate_mb * 1e6), int(self.most_mb * 1e6)
        return {
            kind: Table(self.folder, _NAMES[kind], self.format, size, 3600 * self.rotate_h, most) for kind in self.kinds
        }

    @cached_property
    def _alone(self) -> threading.Lock:
        return threading.Lock()


def _row(entry: Entry) -> dict[str, Any]:
    named = {"journal": entry.journal, "sequence": entry.sequence}
    if entry.kind == "finding":
        return flatten(entry.body) | named
    if entry.kind == "alarm":
        return dict(alarm_row(entry.body)) | named
    return {
        "time_ns": entry.time_ns,
        "asset": entry.asset,
        "kind": entry.body["kind"],
        "text": entry.body["text"],
    } | named
