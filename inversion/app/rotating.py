"""Tables that grow line by line and are finished by size and age: a file has its name only once it is whole.

`NAME-20261121T113000Z.csv.open` grows, its last line repaired after a crash; finished it loses `.open`, at once. For
Parquet, which cannot grow, the open file holds lines of JSON; a process of its own makes the table, since the library
would cost the gateway some 80 MB for ever. An open file whose lines are no rows (a disk rots) is set aside, as
`NAME-20261121T113000Z.parquet.damaged`, and said once: nobody has to come for the next rows to be written.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inversion.app.appending import append

log = logging.getLogger("inversion.gateway")

_STAMP = "%Y%m%dT%H%M%SZ"
_CONVERT_S = 600.0
_FORMULA = ("=", "+", "-", "@", "\t")
#: What makes a Parquet file of an open one, in a process that ends.
_MAKE = """\
import sys
from pathlib import Path
from inversion.app.tables import write_rows
try:
    write_rows(*map(Path, sys.argv[1:]))
except (ValueError, TypeError, LookupError, AttributeError) as problem:
    print(*str(problem).split(), file=sys.stderr)
    sys.exit(65)
"""
_NO_ROWS = 65  # its exit code where lines are no rows: EX_DATAERR of sysexits(3)


class NoRows(OSError):
    """An open file whose lines are no rows."""


@dataclass(frozen=True)
class Table:
    """One series of files in a folder. format: "csv" or "parquet"

    rotate_bytes, rotate_s: of the open file, when it is finished; keep_bytes: of all finished ones, 0 for no limit
    """

    folder: Path
    name: str
    format: str
    rotate_bytes: int
    rotate_s: float
    keep_bytes: int = 0
    _seen_s: dict[str, float] = field(default_factory=dict, compare=False)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """All of them, on the disk, or none. Raises OSError, also where one file must be finished first and cannot."""
        self.folder.mkdir(parents=True, exist_ok=True)
        columns = tuple(dict.fromkeys(name for row in rows for name in row))
        path = next(reversed(self._open_files()), None)
        held = None if path is None else self._held(path)
        if path is None or held is None:
            path = None
        else:
            new = [name for name in columns if name not in held]
            if (held and new) or self._old(path) or path.stat().st_size >= self.rotate_bytes:
                self._finished(path)
                path = None
            columns = (*held, *new)  # what one asset has and another has not leaves a cell empty
        if path is None:
            path = self._new()
        whole = [{name: row.get(name) for name in columns} for row in rows]
        head, lines = _csv(columns, whole) if self.format == "csv" else (b"", _json(whole))
        if append(path, lines, head) >= self.rotate_bytes:
            with suppress(OSError):  # the rows are there; the next ones will tell, before they are added
                self._finished(path)

    def finish(self) -> None:
        """Gives the open file its name. Raises OSError."""
        for path in self._open_files():
            self._finished(path)

    def files(self) -> list[Path]:
        """Finished ones, the oldest first."""
        pattern = re.compile(re.escape(self.name) + r"-\d{8}T\d{6}Z(-\d+)?\." + self.format)
        return sorted((p for p in self.folder.glob(f"{self.name}-*") if pattern.fullmatch(p.name)), key=_in_order)

    def _open_files(self) -> list[Path]:
        found = sorted(self.folder.glob(f"{self.name}-*.{self.format}.open"), key=_in_order)
        for path in [each for each in found if each.with_suffix("").exists()]:
            path.unlink()  # its table was made, and then somebody pulled the plug
            found.remove(path)
        return found

    def _new(self) -> Path:
        """Its name follows all others, also where the clock was set back: they are ordered by their names."""
        stamp = datetime.fromtimestamp(time.time(), UTC).strftime(_STAMP)
        newest, number = max((_in_order(path) for path in (*self.files(), *self._open_files())), default=("", 0))
        after = f"{newest}-{number + 1}" if newest >= stamp else stamp
        return self.folder / f"{self.name}-{after}.{self.format}.open"

    def _old(self, path: Path) -> bool:
        """By the time in its name, or since it was seen first: the clock may have been set back."""
        began = datetime.strptime(_in_order(path)[0], _STAMP).replace(tzinfo=UTC)
        seen_s = self._seen_s.setdefault(path.name, time.monotonic())
        return max(time.time() - began.timestamp(), time.monotonic() - seen_s) >= self.rotate_s

    def _finished(self, path: Path) -> None:
        append(path, b"")  # cuts off a torn last line
        final = path.with_suffix("")
        self._seen_s.pop(path.name, None)
        if not path.stat().st_size:
            path.unlink()
            return
        if self.format == "parquet":
            beside = final.with_name(f".{final.name}.partial")
            try:
                _made(path, beside)
                beside.replace(final)
            except NoRows as problem:
                beside.unlink(missing_ok=True)
                self._set_aside(path, str(problem))
                return
            except OSError:
                beside.unlink(missing_ok=True)
                raise
            _to_disk(self.folder)
            path.unlink()
        else:
            path.replace(final)
            _to_disk(self.folder)
        self._forget()

    def _held(self, path: Path) -> tuple[str, ...] | None:
        """Columns of an open file; None where its first line is none, and it was set aside."""
        try:
            return _columns(path, self.format)
        except (ValueError, StopIteration, TypeError) as problem:
            self._set_aside(path, f"its first line is no row: {problem}")
            return None

    def _set_aside(self, path: Path, why: str) -> None:
        self._seen_s.pop(path.name, None)
        damaged = path.with_suffix(".damaged")
        path.replace(damaged)
        _to_disk(self.folder)
        log.warning(
            "files: %s: %s; set aside, its rows are in the journal for as long as that keeps them", damaged, why
        )

    def _forget(self) -> None:
        """The oldest go, the newest stays; not by age, since a clock may be set forward."""
        files = self.files()
        sizes = [each.stat().st_size for each in files]
        while self.keep_bytes and len(files) > 1 and sum(sizes) > self.keep_bytes:
            files.pop(0).unlink()
            sizes.pop(0)


def _in_order(path: Path) -> tuple[str, int]:
    """Stamp, and number within the second."""
    found = re.search(r"-(\d{8}T\d{6}Z)(?:-(\d+))?\.", path.name)
    return (found[1], int(found[2] or 1)) if found else ("", 0)


def _columns(path: Path, kind: str) -> tuple[str, ...]:
    """Of an open file; none where it holds no whole line."""
    with path.open("rb") as file:
        first = file.readline()
    if not first.endswith(b"\n"):
        return ()
    text = first.decode()
    return tuple(next(csv.reader([text]))) if kind == "csv" else tuple(json.loads(text))


def _csv(columns: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> tuple[bytes, bytes]:
    head, lines = io.StringIO(), io.StringIO()
    csv.writer(head, lineterminator="\n").writerow(columns)
    writer = csv.writer(lines, lineterminator="\n")
    for row in rows:
        writer.writerow([_cell(value) for value in row.values()])
    return head.getvalue().encode(), lines.getvalue().encode()


def _cell(value: Any) -> Any:
    """Texts stay on one line, and none is a formula to a spreadsheet."""
    if not isinstance(value, str):
        return value
    line = "".join(each if each.isprintable() else " " for each in value)
    return f"'{line}" if value.startswith(_FORMULA) else line


def _json(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n" for row in rows).encode()


def _made(lines: Path, table: Path) -> None:
    command = [sys.executable, "-c", _MAKE, str(lines), str(table)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_CONVERT_S, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(f"{table.name} could not be made within {_CONVERT_S:g} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        kind = NoRows if done.returncode == _NO_ROWS else OSError
        raise kind(f"{table.name} could not be made: {said[-1] if said else f'exit {done.returncode}'}")
    with table.open("rb") as file:
        os.fsync(file.fileno())


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def alarm_row(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A change of an alarm as columns, always the same ones."""
    for name in ("time", "time_ns", "asset", "alarm", "from", "to", "by", "comment", "severity", "condition"):
        yield name, body.get(name)
    for name in ("parameter", "side", "limit", "unit", "probability"):
        yield name, body.get(name)
    value = body.get("value") or {}
    for name in ("mean", "low", "high", "level", "unit", "resolvable"):
        yield f"value_{name}", value.get(name)
    for name in ("quality", "reason", "start_ns", "machine_state", "until_ns", "announced", "text"):
        yield name, body.get(name)
