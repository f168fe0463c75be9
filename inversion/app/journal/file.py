"""The journal's file: held by one gateway, made where it is absent, set aside where it is damaged."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from inversion.app.journal import schema
from inversion.app.journal.journal import Journal, translated
from inversion.app.journal.records import Batch, Event, JournalError
from inversion.app.journal.retention import Retention
from inversion.app.journal.salvage import Salvaged, awaited_whole, newest_whole, salvage

_CLEAN, _SUSPECT = "closed ", "suspect"
#: After a crash a file up to this size is looked at as a whole; a larger one would keep the gateway from its work.
_WHOLE_BYTES = 64_000_000
_LOG_BYTES = 4_194_304  # of the write-ahead log, which is then folded back and written from its beginning again
_SAVING = ".saving"  # behind the name of a journal: what could be read of a damaged one
_TABLES = ("journal", "example", "asset", "recording", "cursor", "state", "alarm", "request")


@contextmanager
def open_journal(path: Path, now_ns: int, kept: Retention | None = None) -> Iterator[Journal]:
    """The journal at `path`, made if absent; held by this process alone. now_ns: UTC, names what is set aside.

    A damaged file is moved to `<name>.damaged-<time>`; what can be read of it goes on in a new one, and an event says
    how much that is. Raises JournalError for one that another gateway holds, or that is no journal.
    """
    kept = kept or Retention()
    with _held(path) as lock:
        _finish_saving(path)
        ours = bool(os.pread(lock, 1, 0))
        suspect = os.pread(lock, len(_SUSPECT), 0) == _SUSPECT.encode()
        trouble = "" if _closed_well(path, lock) else _trouble(path, ours, suspect)
        lost = _set_aside(path, now_ns, trouble) if trouble else None
        with translated(path):
            connection = _connect(path)
        try:
            with translated(path):
                _prepare(path, connection)
            journal = Journal(path, connection, kept)
            if lost is not None:
                journal.append(Batch([Event(now_ns, "journal_damaged", lost).record()]))
            _write(lock, f"{os.getpid()}\n")
            yield journal
        except JournalError:
            _write(lock, f"{_SUSPECT}\n")  # the next start looks at every page
            raise
        finally:
            connection.close()
        _write(lock, f"{_CLEAN}{path.stat().st_size}\n")


@contextmanager
def read_journal(path: Path) -> Iterator[Journal]:
    """An existing journal beside a gateway that may hold it: to read, and to leave requests. Raises JournalError."""
    if not path.exists():
        raise JournalError(f"{path}: no journal there yet; the gateway makes it when it starts")
    with translated(path):
        connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    try:
        with translated(path):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != schema.VERSION:
            older = "; the gateway brings it up to date when it starts" if 0 < version < schema.VERSION else ""
            raise JournalError(f"{path}: must be a journal of version {schema.VERSION}, found version {version}{older}")
        yield Journal(path, connection, Retention())
    finally:
        connection.close()


def held_by(path: Path) -> int | None:
    """Process that holds the journal, None where none does."""
    lock = path.with_name(f"{path.name}.lock")
    if not lock.exists():
        return None
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            told = file.read().strip()
            return int(told) if told.isdigit() else 0  # one that is only about to hold it has not said who it is
    return None


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA page_size = 512")  # of a new file: small commits write whole pages
    connection.execute("PRAGMA journal_mode = WAL")
    page = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_BYTES // (page + 24)}")  # which a frame's header has
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and not connection.execute("SELECT name FROM sqlite_master").fetchall():
        schema.create(connection)
    elif version in (1, 2, 3):
        schema.migrate(connection, version)
    elif version != schema.VERSION:
        raise JournalError(
            f"{path}: must be a journal of version {schema.VERSION}, found a database of version {version}"
        )
    schema.index(connection)


def _closed_well(path: Path, lock: int) -> bool:
    """Whether the last gateway closed it, and nothing has changed its size since."""
    told = os.pread(lock, 40, 0).decode(errors="replace")
    return told.startswith(_CLEAN) and path.exists() and told.strip() == f"{_CLEAN}{path.stat().st_size}"


def _trouble(path: Path, ours: bool, suspect: bool) -> str:
    """What is wrong with the file, empty where nothing is. Raises JournalError for what never was a journal."""
    if not path.exists() or (path.stat().st_size == 0 and not ours):
        return ""
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            if ours:
                return "it does not begin as one"
            raise JournalError(f"{path}: must be a journal, found a file that is no SQLite database")
    connection = _connect(path)
    try:
        verdict = _verdict(connection, path, suspect)
    except sqlite3.OperationalError as error:
        raise JournalError(f"{path}: cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    finally:
        connection.close()
    return "" if verdict == "ok" else " ".join(str(verdict).split())


def _verdict(connection: sqlite3.Connection, path: Path, suspect: bool) -> str:
    """Of SQLite. What a crash can have left half done is always looked at; old records only where there are few.

    A large file is looked at as a whole when its size is not what it says, or when it could not be read before; what
    could not be read may lie within a whole page, so then records are read too.
    """
    with suppress(sqlite3.OperationalError):  # a disk may be full
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages, size = (connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size"))
    if suspect or path.stat().st_size <= _WHOLE_BYTES or path.stat().st_size != pages * size:
        verdicts = [connection.execute("PRAGMA quick_check(1)").fetchone()[0]]
    else:
        verdicts = [connection.execute(f"PRAGMA quick_check({table})").fetchone()[0] for table in _TABLES]
        verdicts += [] if newest_whole(connection) else ["its newest records cannot be read"]
    found = next((str(verdict) for verdict in verdicts if verdict != "ok"), "ok")
    if found == "ok" and suspect and not awaited_whole(connection):
        return "records that a sink waits for cannot be read"
    return found


def _set_aside(path: Path, now_ns: int, trouble: str) -> str:
    """Saves what can be read, and moves the damaged file away; one line that says so. Raises JournalUnavailable.

    Where there is no room for what is saved, all stays as it was, and the next start finds the damage again.
    """
    stamp = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%S")
    aside, saving = path.with_name(f"{path.name}.damaged-{stamp}"), path.with_name(f"{path.name}{_SAVING}")
    _remove(saving)
    try:
        with translated(saving), closing(_connect(saving)) as new:
            _prepare(saving, new)
            saved = salvage(path, new)
    except BaseException:
        _remove(saving)
        raise
    for suffix in ("-wal", "-shm", ""):  # the main file last: until then a start finds the damage again
        file = path.with_name(f"{path.name}{suffix}")
        if file.exists():
            file.rename(aside.with_name(f"{aside.name}{suffix}"))
    saving.rename(path)
    return _told(path, aside, trouble, saved)


def _finish_saving(path: Path) -> None:
    """What was saved takes its place, where that was cut off when the damaged file had been moved away already."""
    saving = path.with_name(f"{path.name}{_SAVING}")
    if saving.exists() and not path.exists():
        saving.rename(path)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def _told(path: Path, aside: Path, trouble: str, saved: Salvaged) -> str:
    return (
        f"{path}: the journal is damaged ({trouble}): set aside as {aside.name}; "
        f"{saved.records} records saved, {saved.lost} lost"
    )


@contextmanager
def _held(path: Path) -> Iterator[int]:
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
        yield file
    finally:
        os.close(file)


def _write(lock: int, text: str) -> None:
    """What the lock file says; a disk that is full leaves it empty, and the next start looks closer."""
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, text.encode(), 0)
    except OSError:
        os.ftruncate(lock, 0)
