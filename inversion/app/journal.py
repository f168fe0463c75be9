"""The journal: findings and events append-only, a cursor a sink, the state of every asset; one SQLite file.

Nothing is acknowledged before it is on the disk (WAL, synchronous FULL), and a finding is stored together with the
state that it led to, so that a stop at any moment resumes where it was.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.core import InversionError, dumps

_VERSION = 1

_SCHEMA = """
CREATE TABLE finding (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    asset TEXT NOT NULL,
    source TEXT NOT NULL,
    position INTEGER,
    start_ns INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX finding_once ON finding (asset, source, position) WHERE position IS NOT NULL;
CREATE INDEX finding_of_asset ON finding (asset, id);
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE cursor (sink TEXT PRIMARY KEY, finding INTEGER NOT NULL);
CREATE TABLE state (asset TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, body TEXT NOT NULL);
"""


class JournalError(InversionError):
    """The journal cannot be used; waiting never helps."""


class JournalUnavailable(InversionError):
    """The journal cannot be written now (a full disk, say); nothing was stored, and waiting may help."""


@dataclass(frozen=True)
class Event:
    """Something that happened beside the findings. time_ns: UTC; `text` is one line for people."""

    time_ns: int
    kind: str
    text: str
    asset: str = ""


@dataclass(frozen=True)
class Entry:
    """A journalled finding, in its JSON contract, by its number."""

    number: int
    finding: Mapping[str, Any]


class Journal:
    """An open journal; `open_journal` makes one. Use it from one thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    def append(
        self,
        findings: Sequence[Mapping[str, Any]] = (),
        states: Mapping[str, Mapping[str, Any]] | None = None,
        fingerprint: str = "",
        events: Sequence[Event] = (),
    ) -> None:
        """Stores all of it, or nothing. A finding of the same asset, source and position is stored once.

        states: by asset, after these findings; fingerprint: of the parameters that the states are about
        Raises JournalUnavailable.
        """
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO finding (asset, source, position, start_ns, body) VALUES (?, ?, ?, ?, ?)",
                [(f["asset"], f["source"], f["position"], f["start_ns"], dumps(dict(f))) for f in findings],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO state (asset, fingerprint, body) VALUES (?, ?, ?)",
                [(asset, fingerprint, json.dumps(state)) for asset, state in (states or {}).items()],
            )
            connection.executemany(
                "INSERT INTO event (time_ns, kind, body) VALUES (?, ?, ?)",
                [(e.time_ns, e.kind, dumps({"text": e.text, "asset": e.asset})) for e in events],
            )

    def advance(self, sink: str, number: int) -> None:
        """Remembers that this sink has every finding up to `number`. Raises JournalUnavailable."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO cursor (sink, finding) VALUES (?, ?)", (sink, number))

    def cursor(self, sink: str) -> int:
        """Number of the last finding that this sink has; 0 before the first."""
        row = self._rows("SELECT finding FROM cursor WHERE sink = ?", sink)
        return int(row[0][0]) if row else 0

    def after(self, number: int, most: int) -> list[Entry]:
        """The findings that follow this number, in order, at most so many."""
        rows = self._rows("SELECT id, body FROM finding WHERE id > ? ORDER BY id LIMIT ?", number, most)
        return [Entry(int(row[0]), json.loads(row[1])) for row in rows]

    def waiting(self, sink: str) -> int:
        """How many findings this sink does not have yet."""
        rows = self._rows("SELECT count(*) FROM finding WHERE id > ?", self.cursor(sink))
        return int(rows[0][0])

    def last_position(self, asset: str, source: str) -> int | None:
        """Number of the last window of a recording that is journalled, None before the first."""
        rows = self._rows("SELECT max(position) FROM finding WHERE asset = ? AND source = ?", asset, source)
        return None if rows[0][0] is None else int(rows[0][0])

    def states(self, fingerprint: str) -> dict[str, Any]:
        """State by asset, of those that are about the same parameters."""
        rows = self._rows("SELECT asset, body FROM state WHERE fingerprint = ?", fingerprint)
        return {asset: json.loads(body) for asset, body in rows}

    def last_findings(self) -> list[Mapping[str, Any]]:
        """The newest finding of every asset."""
        rows = self._rows("SELECT body FROM finding WHERE id IN (SELECT max(id) FROM finding GROUP BY asset)")
        return [json.loads(body) for (body,) in rows]

    def events(self) -> list[Event]:
        """Every event, in order."""
        rows = self._rows("SELECT time_ns, kind, body FROM event ORDER BY id")
        return [Event(int(time_ns), kind, **json.loads(body)) for time_ns, kind, body in rows]

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with _translated(self.path):
            return self.connection.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _translated(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """The journal at `path`, made if absent; held by this process alone.

    Raises JournalError for one that another gateway holds, that is damaged, or that is no journal.
    """
    with _held(path), _translated(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _prepare(path, connection)
            yield Journal(path, connection)
        finally:
            connection.close()


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and not connection.execute("SELECT name FROM sqlite_master").fetchall():
        connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
    elif version != _VERSION:
        raise JournalError(f"{path}: must be a journal of version {_VERSION}, found a database of version {version}")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise JournalError(f"{path}: the journal is damaged ({_one_line(verdict)}); move it away to start a new one")


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """A lock file beside the journal, locked as long as this lasts; the kernel frees it however the process ends."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise JournalError(f"{lock}: cannot be opened: {error.strerror}") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(file, 20).decode().strip() or "unknown"
            raise JournalError(f"{path}: another gateway writes this journal (process {holder})") from error
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(file)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's failures as ours: those that may pass, and those that never do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise JournalUnavailable(f"{path}: cannot be written: {error}") from error
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path}: the journal is damaged ({error}); move it away to start a new one") from error


def _one_line(text: str) -> str:
    return " ".join(text.split())
