"""Findings by what they have in common with an earlier one of the same asset: a third of the bytes.

A site's findings say much that never changes (names of alarms and networks, limits, since when) or seldom does, which
no dictionary made beforehand can know. So one finding in `_SERVES` of an asset is packed by the words alone, and is the
example that those after it are packed by: `_REACH` numbers at most, so that retention knows when nothing needs it any
more. Where a page rots, few findings go with the example that was on it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from inversion.app.journal.packing import WITH_EXAMPLE, pack, pack_text, text_of, unpack, unpack_text

_WITH = bytes([WITH_EXAMPLE])
_SERVES = 64
_REACH = 1 << 13
_KEPT = 32  # texts of examples that were read
_STORED = "SELECT body FROM record WHERE id = ?1 UNION ALL SELECT body FROM example WHERE id = ?1"


class Examples:
    """Packs and unpacks the findings of a journal, within its transactions; one that is undone is told with `undo`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._current: dict[str, tuple[int, int, bytes]] = {}  # by asset: its number, findings by it, its text
        self._read: dict[int, bytes] = {}

    def pack(self, number: int, asset: str, body: Mapping[str, Any]) -> bytes:
        """A finding that will have this number."""
        text = text_of(body)
        at, served, example = self._current.get(asset, (0, _SERVES, b""))
        if served >= _SERVES or number - at >= _REACH or self._stored(at) is None:  # it may have been deleted
            self._current[asset] = (number, 1, text)
            return pack(body)
        self._current[asset] = (at, served + 1, example)
        return _WITH + (number - at).to_bytes(2, "big") + pack_text(text, example)

    def undo(self) -> None:
        """The transaction was undone, and with it perhaps examples: none is used again."""
        self._current.clear()
        self._read.clear()

    def unpack(self, number: int, asset: str, packed: bytes) -> dict[str, Any]:
        """What was packed so. Raises ValueError for other bytes, and where the example is gone."""
        if packed[:1] != _WITH:
            return unpack(packed)
        return unpack_text(packed[3:], self._text(number - _distance(packed), asset))

    def _text(self, at: int, asset: str) -> bytes:
        newest, _, text = self._current.get(asset, (0, 0, b""))
        if at == newest:
            return text
        if at not in self._read:
            stored = self._stored(at)
            if stored is None:
                raise ValueError(f"finding {at}, which it was packed by, is gone")
            if len(self._read) >= _KEPT:
                self._read.clear()
            self._read[at] = text_of(unpack(stored))
        return self._read[at]

    def _stored(self, at: int) -> bytes | None:
        row = self._connection.execute(_STORED, (at,)).fetchone()
        return None if row is None else row[0]


def keep(connection: sqlite3.Connection, last: int) -> None:
    """Within a transaction, before records up to this number are deleted: keeps what later ones are packed by."""
    (first,) = connection.execute("SELECT min(id) FROM record").fetchone()
    last = max(last, (first or 0) - 1)  # a sink that was rewound has less than is deleted already
    rows = connection.execute(
        "SELECT id, substr(body, 1, 3) FROM record WHERE id > ? AND id < ? AND kind = 'finding'", (last, last + _REACH)
    )
    examples = {number - _distance(begin) for number, begin in rows if begin[:1] == _WITH}
    needed = {at for at in examples if at <= last}
    kept = {at for (at,) in connection.execute("SELECT id FROM example")}
    connection.executemany("DELETE FROM example WHERE id = ?", [(at,) for at in kept - needed])
    connection.executemany(
        "INSERT INTO example (id, body) SELECT id, body FROM record WHERE id = ?", [(at,) for at in needed - kept]
    )


def _distance(packed: bytes) -> int:
    return int.from_bytes(packed[1:3], "big")
