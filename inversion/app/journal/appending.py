"""Rows that a batch adds to a journal, inside its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from inversion.app.clock.correct import Told, told
from inversion.app.journal.examples import Examples
from inversion.app.journal.numbering import Numbering
from inversion.app.journal.records import Record
from inversion.core import dumps


def append_records(
    connection: sqlite3.Connection, numbers: Numbering, examples: Examples, records: Sequence[Record]
) -> list[Told]:
    """Adds those that are new; returns what they tell of the clock."""
    settings: list[Told] = []
    for record in records:
        finding = record.kind == "finding"
        if finding and not _new_window(connection, record.body):
            continue
        number, sequence = numbers.next(record.asset)
        body = examples.pack(number, record.asset, record.body) if finding else dumps(dict(record.body))
        connection.execute(
            "INSERT INTO record (id, kind, asset, sequence, time_ns, body) VALUES (?, ?, ?, ?, ?, ?)",
            (number, record.kind, record.asset, sequence, record.time_ns, body),
        )
        if record.kind == "event" and (setting := told(number, record.body)) is not None:
            settings.append(setting)
    return settings


def _new_window(connection: sqlite3.Connection, finding: Mapping[str, Any]) -> bool:
    """Whether this window of a recording is not journalled yet; from now on it is."""
    if finding["position"] is None:
        return True
    return bool(
        connection.execute(
            "INSERT INTO recording (asset, source, position) VALUES (?, ?, ?) ON CONFLICT (asset, source) "
            "DO UPDATE SET position = excluded.position WHERE excluded.position > position",
            (finding["asset"], finding["source"], finding["position"]),
        ).rowcount
    )


def advance(connection: sqlite3.Connection, sink: str, number: int) -> None:
    """This sink has every record up to `number`."""
    connection.execute("INSERT OR IGNORE INTO cursor (sink, record, delivered, dropped) VALUES (?, 0, 0, 0)", (sink,))
    connection.execute(
        "UPDATE cursor SET record = max(record, ?1), "
        "delivered = delivered + (SELECT count(*) FROM record WHERE id > cursor.record AND id <= ?1) "
        "WHERE sink = ?2",
        (number, sink),
    )
