"""What a journal holds, in bytes, hours and counts: how long it lasts if no sink takes anything."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from pathlib import Path
from typing import Any

from inversion.app.journal.journal import Journal
from inversion.app.journal.retention import Retention, room_bytes, used_bytes
from inversion.app.observe.vitals import free_bytes

_NEWEST = 2000  # records that the present rate is told from
_HOUR_NS = 3_600_000_000_000


def status(journal: Journal, retention: Retention, sinks: Collection[str] | None = None) -> dict[str, Any]:
    """Bytes, oldest record, hours left at the present rate, and how far every sink is.

    Hours are left until a record goes that some sink of the site does not have, if no sink takes anything more: what
    all of them have goes first. sinks: of the site, None: all that are known
    """
    connection = journal.connection
    count, last = connection.execute("SELECT count(*), max(id) FROM record").fetchone()
    ends = [*journal.after(0, 1), *journal.after(last - 1, 1)] if count else []
    used, room = used_bytes(connection), _room_bytes(journal, retention)
    rate = _records_an_hour(journal)
    standings = journal.standings()
    waiting = max((one.buffered for one in standings if sinks is None or one.sink in sinks), default=0)
    hours = (room * count / used - waiting) / rate if count and rate else None
    return {
        "journal": str(journal.path),
        "file_bytes": file_bytes(journal.path),
        "used_bytes": used,
        "budget_bytes": int(retention.most_mb * 1e6),
        "keep_days": retention.keep_days,
        "records": count,
        "oldest_ns": ends[0].time_ns if ends else None,
        "newest_ns": ends[-1].time_ns if ends else None,
        "records_an_hour": None if rate is None else round(rate, 1),
        "hours_left": None if hours is None else round(max(hours, 0.0), 1),
        "disk_free_bytes": free_bytes(journal.path),
        "sinks": [vars(one) | {"of_site": sinks is None or one.sink in sinks} for one in standings],
    }


def _room_bytes(journal: Journal, retention: Retention) -> int:
    """What may be in use: by the budget, and by the disk where that has less."""
    room, free = room_bytes(journal.connection, retention), free_bytes(journal.path)
    return room if free is None else min(room, file_bytes(journal.path) + free)


def _records_an_hour(journal: Journal) -> float | None:
    """Time passes while the clock is not set, from one event that tells of it to the next."""
    rows = journal.connection.execute("SELECT id, time_ns FROM record ORDER BY id DESC LIMIT ?", (_NEWEST,)).fetchall()
    settings = [each.number for each in journal.settings()]
    spans: dict[int, list[int]] = {}
    for number, time_ns in rows:
        spans.setdefault(bisect_right(settings, number), []).append(time_ns)
    passed = sum(max(times) - min(times) for times in spans.values())
    counted = sum(len(times) - 1 for times in spans.values())
    return None if passed <= 0 else counted * _HOUR_NS / passed


def file_bytes(path: Path) -> int:
    """On the disk, with what is not yet merged into the file."""
    files = (path.with_name(f"{path.name}{suffix}") for suffix in ("", "-wal", "-shm"))
    return sum(file.stat().st_size for file in files if file.exists())
