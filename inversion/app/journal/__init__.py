"""The journal: findings, alarms and events append-only in one SQLite file, a cursor a sink, states of assets."""

from inversion.app.journal.file import open_journal, read_journal
from inversion.app.journal.journal import Journal
from inversion.app.journal.records import KINDS, Batch, Entry, Event, JournalError, JournalUnavailable, Record, Standing
from inversion.app.journal.retention import Retention

__all__ = [
    "KINDS",
    "Batch",
    "Entry",
    "Event",
    "Journal",
    "JournalError",
    "JournalUnavailable",
    "Record",
    "Retention",
    "Standing",
    "open_journal",
    "read_journal",
]
