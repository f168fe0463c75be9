"""An open journal: append whole batches, read from anywhere, know how far every sink is.

Nothing is acknowledged before it is on the disk (WAL, synchronous FULL), and a finding of a recording is stored
together with the state that it led to, so that a stop at any moment resumes where it was.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from inversion.app.clock.correct import Told, corrected, known_offset, late_by, told
from inversion.app.journal import retention
from inversion.app.journal.appending import advance, append_records
from inversion.app.journal.examples import Examples
from inversion.app.journal.numbering import Numbering, last_number
from inversion.app.journal.packing import pack, unpack
from inversion.app.journal.records import Batch, Entry, Event, JournalError, JournalUnavailable, Standing

_COLUMNS = "id, kind, asset, sequence, name, time_ns, body"
#: Numbers of the newest finding of every asset.
_NEWEST = (
    "SELECT max(id) FROM (SELECT asset, finding AS id FROM asset "
    "UNION ALL SELECT asset, id FROM record, journal WHERE id > counted AND kind = 'finding') GROUP BY asset"
)


class Journal:
    """An open journal; `open_journal` makes one. Use it from one thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection, kept: retention.Retention) -> None:
        self.path = path
        self.connection = connection
        self.kept = kept
        self.dropped: Counter[str] = Counter()  # records that went before a sink had them, until somebody tells it
        self._sinks: frozenset[str] | None = None
        self._settings: list[Told] | None = None
        self._examples = Examples(connection)

    @cached_property
    def _numbers(self) -> Numbering:
        with translated(self.path):
            return Numbering(self.connection)

    def append(self, batch: Batch) -> None:
        """Stores all of it, or nothing. A window of a recording is stored once. Raises JournalUnavailable."""
        with self._numbered() as connection:
            settings = append_records(connection, self._numbers, self._examples, batch.records)
            connection.executemany(
                "INSERT OR REPLACE INTO state (asset, fingerprint, body) VALUES (?, ?, ?)",
                [(asset, batch.fingerprint, pack(state)) for asset, state in batch.states.items()],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO alarm (asset, name, body) VALUES (?, ?, ?)",
                [(*key, json.dumps(cycle)) for key, cycle in batch.cycles.items()],
            )
            for sink, number in batch.cursors.items():
                advance(connection, sink, number)
            connection.executemany(
                "UPDATE request SET answer = ? WHERE id = ?", [(text, n) for n, text in batch.answers.items()]
            )
        if settings and self._settings is not None:
            self._settings += settings
        if retention.too_large(self.connection, self.kept):
            self.make_room()

    def make_room(self) -> None:
        """Deletes the oldest records until the journal is within its size; `dropped` counts who lacks them."""
        before = self._dropped()
        while retention.too_large(self.connection, self.kept):
            with self._transaction() as connection:
                if not retention.cut_large(connection):
                    break
        self.dropped += Counter({sink: n - before[sink] for sink, n in self._dropped().items() if self._there(sink)})

    def _dropped(self) -> Counter[str]:
        return Counter(dict(self._rows("SELECT sink, dropped FROM cursor WHERE sink <> ''")))

    def _there(self, sink: str) -> bool:
        return self._sinks is None or sink in self._sinks

    def forget(self, now_ns: int) -> int:
        """Deletes what is past its age and what every sink of the site has; how many records."""
        late = late_by(self.settings())
        with self._transaction() as connection:
            return retention.cut_old(connection, self.kept, now_ns, late, self._sinks)

    def register(self, sinks: Sequence[str]) -> None:
        """Makes these sinks known: what is in the journal waits for them, what is gone they have missed.

        No record is kept for others that were known: they are of the site no more.
        """
        self._sinks = frozenset(sinks)
        with self._transaction() as connection:
            known = {sink for (sink,) in connection.execute("SELECT sink FROM cursor")}
            if known.issuperset(sinks):
                return
            kept = connection.execute("SELECT count(*) FROM record").fetchone()[0]
            gone = last_number(connection) - kept
            connection.executemany(
                "INSERT OR IGNORE INTO cursor (sink, record, delivered, dropped) VALUES (?, 0, 0, ?)",
                [(sink, gone) for sink in sinks],
            )

    def rewind(self, sink: str, number: int) -> int:
        """Lets a sink have everything after this number again; how many records that are."""
        with self._transaction() as connection:
            again = connection.execute(
                "SELECT count(*) FROM record WHERE id > ? AND id <= (SELECT record FROM cursor WHERE sink = ?)",
                (number, sink),
            ).fetchone()[0]
            connection.execute(
                "UPDATE cursor SET record = min(record, ?), delivered = delivered - ? WHERE sink = ?",
                (number, again, sink),
            )
            return int(again)

    def cursor(self, sink: str) -> int:
        """Number of the last record that this sink has; 0 before the first."""
        rows = self._rows("SELECT record FROM cursor WHERE sink = ?", sink)
        return int(rows[0][0]) if rows else 0

    def waiting(self, sink: str) -> int:
        """How many findings and alarms this sink does not have yet."""
        rows = self._rows("SELECT count(*) FROM record WHERE id > ? AND kind <> 'event'", self.cursor(sink))
        return int(rows[0][0])

    def standings(self) -> list[Standing]:
        """How far every sink is."""
        rows = self._rows(
            "SELECT sink, (SELECT record FROM cursor WHERE sink = ''), delivered, "
            "(SELECT count(*) FROM record WHERE id > cursor.record), dropped FROM cursor WHERE sink <> '' ORDER BY sink"
        )
        return [Standing(*row) for row in rows]

    def after(self, number: int, most: int) -> list[Entry]:
        """The records that follow this number, in order, at most so many."""
        return self._entries("WHERE id > ? ORDER BY id LIMIT ?", number, most)

    def chosen(self, number: int, most: int, kinds: Sequence[str]) -> tuple[list[Entry], int]:
        """The records of these kinds that follow, at most so many, and the number up to which none is left out."""
        marks = ", ".join("?" * len(kinds))
        with self._reading():
            entries = self._entries(f"WHERE id > ? AND kind IN ({marks}) ORDER BY id LIMIT ?", number, *kinds, most)
            if len(entries) == most:
                return entries, entries[-1].number
            newest = self._rows("SELECT max(id) FROM record")[0][0]
        return entries, max(number, int(newest or 0))

    def last_position(self, asset: str, source: str) -> int | None:
        """Number of the last window of a recording that is journalled, None before the first."""
        rows = self._rows("SELECT position FROM recording WHERE asset = ? AND source = ?", asset, source)
        return int(rows[0][0]) if rows else None

    def states(self, fingerprint: str) -> dict[str, Any]:
        """State by asset, of those that are about the same parameters."""
        rows = self._rows("SELECT asset, body FROM state WHERE fingerprint = ?", fingerprint)
        return {asset: unpack(body) for asset, body in rows}

    def state(self, asset: str) -> tuple[str, dict[str, Any]] | None:
        """Fingerprint and state of an asset, None where none is stored."""
        rows = self._rows("SELECT fingerprint, body FROM state WHERE asset = ?", asset)
        return (rows[0][0], unpack(rows[0][1])) if rows else None

    def last_findings(self) -> list[Mapping[str, Any]]:
        """The newest finding of every asset, of those that are kept."""
        with self._reading():
            rows = self._rows(f"SELECT id, asset, body FROM record WHERE id IN ({_NEWEST}) ORDER BY id")
            return [self._examples.unpack(*row) for row in rows]

    def last_entries(self) -> list[Entry]:
        """The same, as records."""
        return self._entries(f"WHERE id IN ({_NEWEST}) ORDER BY id")

    def cycles(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Life cycle by (asset, alarm)."""
        return {(asset, name): json.loads(body) for asset, name, body in self._rows("SELECT * FROM alarm")}

    def alarms(self, most: int, asset: str | None = None) -> list[Entry]:
        """The newest changes of alarms, in order."""
        newest_first = "WHERE kind = 'alarm' AND (?1 IS NULL OR asset = ?1) ORDER BY id DESC LIMIT ?2"
        return self._entries(newest_first, asset, most)[::-1]

    def ask(self, time_ns: int, body: Mapping[str, Any]) -> int:
        """An operator's request, for the gateway to answer; its number."""
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO request (time_ns, body) VALUES (?, ?)", (time_ns, json.dumps(body))
            )
            return int(cursor.lastrowid or 0)

    def asked(self) -> list[tuple[int, dict[str, Any]]]:
        """Requests that nobody has answered, in order."""
        rows = self._rows("SELECT id, body FROM request WHERE answer IS NULL ORDER BY id")
        return [(int(number), json.loads(body)) for number, body in rows]

    def answer(self, number: int) -> str | None:
        """The gateway's answer to a request, None before there is one."""
        rows = self._rows("SELECT answer FROM request WHERE id = ?", number)
        return rows[0][0] if rows else None

    def changed(self) -> int:
        """A number that is another once another process has written the journal."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def events(self) -> list[Event]:
        """Every event, in order."""
        rows = self._rows("SELECT time_ns, body, asset FROM record WHERE kind = 'event' ORDER BY id")
        bodies = [(int(time_ns), json.loads(body), asset) for time_ns, body, asset in rows]
        return [Event(time_ns, body["kind"], body["text"], asset) for time_ns, body, asset in bodies]

    def settings(self) -> list[Told]:
        """How the clock was set, in order, as far as it is kept."""
        if self._settings is None:
            rows = self._rows("SELECT id, body FROM record WHERE kind = 'event' ORDER BY id")
            found = (told(int(number), json.loads(body)) for number, body in rows)
            self._settings = [each for each in found if each is not None]
        return list(self._settings)

    def _entries(self, which: str, *values: Any) -> list[Entry]:
        with self._reading():
            rows = self._rows(f"SELECT {_COLUMNS} FROM record, journal {which}", *values)
            return [self._entry(row) for row in rows]

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        """A record in the time that is known by now."""
        number, kind, asset, sequence, journal, time_ns, packed = row
        body = self._examples.unpack(number, asset, packed) if kind == "finding" else json.loads(packed)
        if not body.get("clock_trusted", True):
            offset_ns = known_offset(self.settings(), number)
            if offset_ns is not None:
                time_ns, body = corrected(kind, time_ns, body, offset_ns)
        return Entry(number, kind, asset, sequence, journal, time_ns, body)

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with translated(self.path):
            return self.connection.execute(statement, values).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What is read meanwhile was there at one moment: no gateway takes the example of a finding away."""
        if self.connection.in_transaction:
            yield
            return
        with translated(self.path):
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                self.connection.execute("COMMIT")

    @contextmanager
    def _numbered(self) -> Iterator[sqlite3.Connection]:
        """A transaction that gives numbers, which are given again where it is undone."""
        try:
            with self._transaction() as connection:
                yield connection
                self._numbers.store()
        except BaseException:
            self._numbers.undo()
            self._examples.undo()
            raise
        self._numbers.done()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with translated(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's failures as ours: those that may pass, and those that never do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise JournalUnavailable(f"{path}: cannot be written: {error}") from error
    except (sqlite3.DatabaseError, ValueError) as error:
        raise JournalError(f"{path}: the journal is damaged ({' '.join(str(error).split())})") from error
