"""What can still be read of a damaged journal, into a new one: under the same numbers and names."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app.journal.examples import Examples

_CHUNK = 256
#: Sequences that a lost record may have had are not given to others: a sink would take those for known.
_GAP = 1 << 20
#: Tables that are read whole, with their number of columns.
_SMALL = {"recording": 3, "cursor": 4, "state": 3, "alarm": 3, "asset": 3, "example": 2}
_RECORDS = "SELECT id, kind, asset, sequence, time_ns, body FROM record WHERE id BETWEEN ? AND ? ORDER BY id"


@dataclass(frozen=True)
class Salvaged:
    """Records that were saved, and those that are known to be lost."""

    records: int
    lost: int


def salvage(aside: Path, new: sqlite3.Connection) -> Salvaged:
    """Copies what `aside` still gives into the empty journal `new`, and counts what is missing as dropped."""
    with closing(sqlite3.connect(aside, isolation_level=None)) as old:
        new.execute("BEGIN IMMEDIATE")
        for table, columns in _SMALL.items():
            places = ", ".join("?" * columns)
            new.executemany(
                f"INSERT OR IGNORE INTO {table} VALUES ({places})", _readable(old, f"SELECT * FROM {table}")
            )
        name = next(iter(_readable(old, "SELECT name FROM journal")), (None,))[0]
        last = _last(old)
        saved = 0
        examples = Examples(new)
        for row in _records(old, last):
            if not _whole(examples, row):
                continue
            new.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
            new.execute(
                "INSERT INTO asset (asset, sequence, finding) VALUES (?1, ?2, ?3) ON CONFLICT (asset) DO UPDATE SET "
                "sequence = max(sequence, ?2), finding = coalesce(?3, finding)",
                (row[2], row[3], row[0] if row[1] == "finding" else None),
            )
            saved += 1
        lost = _account(new, name, last)
        new.execute("COMMIT")
    return Salvaged(saved, lost)


def newest_whole(connection: sqlite3.Connection) -> bool:
    """Whether the newest records are what was written. Raises sqlite3.DatabaseError where they cannot be read."""
    rows = connection.execute("SELECT * FROM record ORDER BY id DESC LIMIT ?", (_CHUNK,)).fetchall()
    examples = Examples(connection)
    return all(_whole(examples, row) for row in rows)


def awaited_whole(connection: sqlite3.Connection) -> bool:
    """The same of all records that some sink does not have yet, and of the newest finding of every asset."""
    statement = (
        "SELECT * FROM record WHERE id > (SELECT coalesce(min(record), 0) FROM cursor WHERE sink <> '') "
        "OR id IN (SELECT finding FROM asset)"
    )
    examples = Examples(connection)
    return all(_whole(examples, row) for row in connection.execute(statement))


def _account(new: sqlite3.Connection, name: str | None, last: int) -> int:
    """Puts the totals right: what no sink will get any more is dropped. How many records are missing in between."""
    first, newest = new.execute("SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM record").fetchone()
    produced = max(last, newest)
    new.execute("UPDATE journal SET counted = ?, name = coalesce(?, name)", (produced, name))
    new.execute("INSERT OR REPLACE INTO cursor VALUES ('', ?, 0, 0)", (produced,))  # numbers are not given again
    new.execute("UPDATE asset SET sequence = sequence + ?", (_GAP,))
    new.execute(
        "UPDATE cursor SET record = min(record, ?1), delivered = min(delivered, ?1) WHERE sink <> ''", (produced,)
    )
    new.execute(
        "UPDATE cursor SET dropped = ? - delivered - (SELECT count(*) FROM record WHERE id > cursor.record) "
        "WHERE sink <> ''",
        (produced,),
    )
    (count,) = new.execute("SELECT count(*) FROM record").fetchone()
    return int(produced - (first - 1 if count else 0) - count)


def _readable(old: sqlite3.Connection, statement: str) -> list[tuple[Any, ...]]:
    """Rows until the damage."""
    rows: list[tuple[Any, ...]] = []
    with suppress(sqlite3.DatabaseError):
        rows.extend(iter(old.execute(statement)))
    return rows


def _last(old: sqlite3.Connection) -> int:
    """Highest number that a record can have: in this version, and in the one before."""
    sources = (
        "SELECT max(record) FROM cursor",
        "SELECT produced FROM journal",
        "SELECT seq FROM sqlite_sequence WHERE name = 'record'",
        "SELECT max(id) FROM record",
    )
    highest = [row[0] for source in sources for row in _readable(old, source)]
    return max(int(number or 0) for number in [0, *highest])


def _records(old: sqlite3.Connection, last: int) -> Iterator[tuple[Any, ...]]:
    """In order; where a stretch cannot be read, one by one."""
    for first in range(1, last + 1, _CHUNK):
        ends = (first, min(first + _CHUNK - 1, last))
        try:
            rows = old.execute(_RECORDS, ends).fetchall()
        except sqlite3.DatabaseError:
            rows = [row for n in range(ends[0], ends[1] + 1) for row in _readable_one(old, n)]
        yield from rows


def _readable_one(old: sqlite3.Connection, number: int) -> list[tuple[Any, ...]]:
    try:
        return old.execute(_RECORDS, (number, number)).fetchall()
    except sqlite3.DatabaseError:
        return []


def _whole(examples: Examples, row: tuple[Any, ...]) -> bool:
    """Whether the body is what was written; a page may be readable and yet another's."""
    number, kind, asset, sequence, time_ns, body = row
    if not (isinstance(asset, str) and isinstance(sequence, int) and isinstance(time_ns, int)):
        return False
    try:
        return isinstance(examples.unpack(number, asset, body) if kind == "finding" else json.loads(body), dict)
    except (ValueError, TypeError):
        return False
