"""What a journal holds, in bytes, hours and counts: how long it lasts if no sink takes anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inversion.app.journal.journal import Journal
from inversion.app.journal.retention import Retention, room_bytes, used_bytes

_NEWEST = 2000  # records that the present rate is told from
_HOUR_NS = 3_600_000_000_000


def status(journal: Journal, retention: Retention) -> dict[str, Any]:
    """Bytes, oldest record, hours left at the present rate, and how far every sink is."""
    connection = journal.connection
    count, oldest, newest = connection.execute("SELECT count(*), min(time_ns), max(time_ns) FROM record").fetchone()
    used, room = used_bytes(connection), room_bytes(connection, retention)
    rate = _records_an_hour(journal)
    hours = (room - used) / (rate * used / count) if count and rate else None
    return {
        "journal": str(journal.path),
        "file_bytes": file_bytes(journal.path),
        "used_bytes": used,
        "budget_bytes": int(retention.most_mb * 1e6),
        "keep_days": retention.keep_days,
        "records": count,
        "oldest_ns": oldest,
        "newest_ns": newest,
        "records_an_hour": None if rate is None else round(rate, 1),
        "hours_left": None if hours is None else round(max(hours, 0.0), 1),
        "sinks": [vars(standing) for standing in journal.standings()],
    }


def _records_an_hour(journal: Journal) -> float | None:
    row = journal.connection.execute(
        "SELECT count(*), max(time_ns) - min(time_ns) FROM (SELECT time_ns FROM record ORDER BY id DESC LIMIT ?)",
        (_NEWEST,),
    ).fetchone()
    return None if row[0] < 2 or row[1] <= 0 else float((row[0] - 1) * _HOUR_NS / row[1])


def file_bytes(path: Path) -> int:
    """On the disk, with what is not yet merged into the file."""
    files = (path.with_name(f"{path.name}{suffix}") for suffix in ("", "-wal", "-shm"))
    return sum(file.stat().st_size for file in files if file.exists())
