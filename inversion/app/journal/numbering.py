"""Numbers of records: one without gaps for all, and a sequence an asset.

What every commit would change is on one page (`cursor`, whose row without a sink holds the last number that was given),
and how many records each asset has is stored only now and then: what came since is read off the records themselves.
"""

from __future__ import annotations

import sqlite3

_FOLD = 1000  # records, after which the table of assets is brought up to date


class Numbering:
    """Gives numbers within transactions; one that is undone is told with `undo`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._last = self._stored = last_number(connection)
        self._folded = connection.execute("SELECT counted FROM journal").fetchone()[0]
        self._sequences: dict[str, int] = dict(
            connection.execute(
                "SELECT asset, max(sequence) FROM (SELECT asset, sequence FROM asset UNION ALL "
                "SELECT asset, sequence FROM record, journal WHERE id > counted) GROUP BY asset"
            )
        )
        self._before: dict[str, int] = {}

    def next(self, asset: str) -> tuple[int, int]:
        """Number and sequence of one more record."""
        sequence = self._sequences.get(asset, 0)
        self._before.setdefault(asset, sequence)
        self._last, self._sequences[asset] = self._last + 1, sequence + 1
        return self._last, sequence + 1

    def store(self) -> None:
        """Within the transaction, after its records: writes what they have changed."""
        if self._last == self._stored:
            return
        self._connection.execute("UPDATE cursor SET record = ? WHERE sink = ''", (self._last,))
        if self._last - self._folded >= _FOLD:
            fold(self._connection)

    def done(self) -> None:
        """The transaction stands."""
        if self._last - self._folded >= _FOLD:
            self._folded = self._last
        self._stored = self._last
        self._before.clear()

    def undo(self) -> None:
        """The transaction was undone; its numbers are given again."""
        self._last = self._stored
        self._sequences |= self._before
        self._before.clear()


def last_number(connection: sqlite3.Connection) -> int:
    """Of all records that ever were."""
    return int(connection.execute("SELECT record FROM cursor WHERE sink = ''").fetchone()[0])


def fold(connection: sqlite3.Connection) -> None:
    """Within a transaction: brings the table of assets up to the newest record."""
    connection.execute(
        "INSERT INTO asset (asset, sequence, finding) "
        "SELECT asset, max(sequence), max(iif(kind = 'finding', id, NULL)) FROM record, journal "
        "WHERE id > counted GROUP BY asset "
        "ON CONFLICT (asset) DO UPDATE SET sequence = max(sequence, excluded.sequence), "
        "finding = coalesce(excluded.finding, finding)"
    )
    connection.execute("UPDATE journal SET counted = ?", (last_number(connection),))
