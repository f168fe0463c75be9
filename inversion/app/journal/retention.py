"""How long records are kept: the oldest go first, and those that a sink did not have are counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from inversion.app.journal.examples import keep
from inversion.app.journal.numbering import fold

_DAY_NS = 86_400_000_000_000
_SHARE = 32  # of the records, that go at a time where room is needed
_ASIDE_BYTES = 5_700_000  # of the write-ahead log, which is folded back at 4 MB, and of one large batch


@dataclass(frozen=True)
class Retention:
    """keep_days: records that every sink has are kept so long; most_mb: size of the file and its log at most.

    Age takes only what all sinks have, so that a clock set far forward loses nothing; size takes the oldest.
    """

    keep_days: float = 366.0
    most_mb: float = 1024.0

    def __post_init__(self) -> None:
        if not self.keep_days > 0:
            raise ValueError(f"keep_days must be positive, got {self.keep_days}")
        if not self.most_mb >= 12:
            raise ValueError(f"most_mb must be at least 12, got {self.most_mb}")


def used_bytes(connection: sqlite3.Connection) -> int:
    """Of the pages that hold something."""
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")


def room_bytes(connection: sqlite3.Connection, retention: Retention) -> int:
    """What may be in use: the budget without the write-ahead log, and without the room that one batch may need."""
    return int(retention.most_mb * 1e6) - _ASIDE_BYTES


def too_large(connection: sqlite3.Connection, retention: Retention) -> bool:
    """Whether the oldest records must go."""
    return used_bytes(connection) > room_bytes(connection, retention)


def cut_old(
    connection: sqlite3.Connection,
    retention: Retention,
    now_ns: int,
    late: Sequence[tuple[int, int | None]] = (),
    sinks: Collection[str] | None = None,
) -> int:
    """Within a transaction: deletes what is older than `keep_days` and what every sink has; how many.

    sinks: that are still there, None: all that ever were
    late: first record of every setting of the clock, and how much later than told its records were, ns; what nobody
    knows (None) is as old as the record that follows
    """
    cursors = connection.execute("SELECT sink, record FROM cursor WHERE sink <> ''").fetchall()
    least = min((record for sink, record in cursors if sinks is None or sink in sinks), default=None)
    before_ns = now_ns - int(retention.keep_days * _DAY_NS)
    first = _first_since(connection, before_ns, late)
    last = _last(connection) if first is None else first - 1
    return _cut(connection, last if least is None else min(last, least))


def _first_since(connection: sqlite3.Connection, before_ns: int, late: Sequence[tuple[int, int | None]]) -> int | None:
    """Number of the first record that is not older."""
    begins = [(0, 0), *late]
    ends = [number for number, _ in late] + [_last(connection) + 1]
    unknown: int | None = None
    for (begin, by_ns), end in zip(begins, ends, strict=True):
        there = _one(connection, "SELECT min(id) FROM record WHERE id >= ? AND id < ?", begin, end)
        if there is None:
            continue
        if by_ns is None:
            unknown = there if unknown is None else unknown
            continue
        statement = "SELECT id FROM record WHERE id >= ? AND id < ? AND time_ns >= ? ORDER BY id LIMIT 1"
        found = _one(connection, statement, begin, end, before_ns - by_ns)
        if found is not None:
            return unknown if found == there and unknown is not None else found
        unknown = None
    return unknown


def _one(connection: sqlite3.Connection, statement: str, *values: int) -> int | None:
    row = connection.execute(statement, values).fetchone()
    return None if row is None else row[0]


def cut_large(connection: sqlite3.Connection) -> int:
    """Within a transaction: deletes the oldest share of all records, whoever lacks them; how many."""
    first = connection.execute("SELECT min(id) FROM record").fetchone()[0]
    if first is None:
        return 0
    count = _last(connection) - first + 1
    return _cut(connection, first + max(count // _SHARE, 1) - 1)


def _cut(connection: sqlite3.Connection, last: int) -> int:
    """Deletes up to this number, and moves the cursors of sinks that did not have it, with a count."""
    connection.execute(
        "UPDATE cursor SET dropped = dropped + (SELECT count(*) FROM record WHERE id > cursor.record AND id <= ?1), "
        "record = ?1 WHERE record < ?1 AND sink <> ''",
        (last,),
    )
    keep(connection, last)
    fold(connection)  # what is known of an asset must not go with its records
    return connection.execute("DELETE FROM record WHERE id <= ?", (last,)).rowcount


def _last(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()[0])


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
