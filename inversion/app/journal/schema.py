"""The tables of a journal, and how an older one becomes a newer."""

from __future__ import annotations

import json
import secrets
import sqlite3

from inversion.app.journal.packing import pack

VERSION = 4

#: record.id is without gaps until retention cuts the oldest off; sequence counts an asset's records in this journal.
#: `example`: findings that were deleted while later ones are packed by them (`examples.py`).
#: The row of `cursor` without a sink holds the last id that was given; `asset` knows of the records up to `counted`.
_TABLES = """
CREATE TABLE journal (name TEXT NOT NULL, counted INTEGER NOT NULL);
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    asset TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE example (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE asset (asset TEXT PRIMARY KEY, sequence INTEGER NOT NULL, finding INTEGER) WITHOUT ROWID;
CREATE TABLE recording (
    asset TEXT NOT NULL, source TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (asset, source)
) WITHOUT ROWID;
CREATE TABLE cursor (
    sink TEXT PRIMARY KEY, record INTEGER NOT NULL, delivered INTEGER NOT NULL, dropped INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE state (asset TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE alarm (asset TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (asset, name));
CREATE TABLE request (id INTEGER PRIMARY KEY AUTOINCREMENT, time_ns INTEGER NOT NULL, body TEXT NOT NULL, answer TEXT);
CREATE VIEW event AS
    SELECT id, time_ns, json_extract(body, '$.kind') AS kind, json_extract(body, '$.text') AS text, asset FROM record
    WHERE kind = 'event';
"""
#: What a start and its operators look for among many findings. Made where it is absent; it changes with the few.
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS record_event ON record (id) WHERE kind = 'event'",
    "CREATE INDEX IF NOT EXISTS record_alarm ON record (id) WHERE kind = 'alarm'",
)


def index(connection: sqlite3.Connection) -> None:
    """Lets events and alarms be found without reading every finding."""
    for statement in _INDEXES:
        connection.execute(statement)


def create(connection: sqlite3.Connection) -> None:
    """A new journal in an empty database, under a name of its own."""
    connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    connection.execute("INSERT INTO journal (name, counted) VALUES (?, 0)", (secrets.token_hex(4),))
    _given(connection, 0)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """A journal of an older version becomes one of this version, whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        {1: _from_1, 2: _from_2, 3: _from_3}[version](connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _given(connection: sqlite3.Connection, last: int) -> None:
    connection.execute("INSERT INTO cursor (sink, record, delivered, dropped) VALUES ('', ?, 0, 0)", (last,))


def _from_2(connection: sqlite3.Connection) -> None:
    """Its records number themselves as well, which stays: to copy them all would take room that may not be there."""
    name, produced = connection.execute("SELECT name, produced FROM journal").fetchone()
    connection.execute("DROP TABLE journal")
    connection.execute("CREATE TABLE journal (name TEXT NOT NULL, counted INTEGER NOT NULL)")
    connection.execute("INSERT INTO journal VALUES (?, ?)", (name, produced))
    _given(connection, produced)
    _from_3(connection)


def _from_3(connection: sqlite3.Connection) -> None:
    """What is there stays as it is packed."""
    connection.execute("CREATE TABLE example (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")


def _from_1(connection: sqlite3.Connection) -> None:
    for table in ("finding", "event", "cursor", "state"):
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    connection.execute("DROP INDEX IF EXISTS finding_once")
    connection.execute("DROP INDEX IF EXISTS finding_of_asset")
    for statement in _TABLES.strip().removesuffix(";").split(";\n"):
        connection.execute(statement)
    _move(connection)
    for table in ("finding", "event", "cursor", "state"):
        connection.execute(f"DROP TABLE old_{table}")


def _move(connection: sqlite3.Connection) -> None:
    """Findings keep their numbers, so that the cursors hold; events follow them."""
    sequences: dict[str, int] = {}
    newest: dict[str, int] = {}
    number = 0
    for identity, asset, source, position, start_ns, body in connection.execute(
        "SELECT id, asset, source, position, start_ns, body FROM old_finding ORDER BY id"
    ).fetchall():
        number = identity
        sequences[asset] = sequences.get(asset, 0) + 1
        newest[asset] = identity
        packed = pack(json.loads(body))
        connection.execute(
            "INSERT INTO record VALUES (?, 'finding', ?, ?, ?, ?)",
            (identity, asset, sequences[asset], start_ns, packed),
        )
        if position is not None:
            connection.execute("INSERT OR REPLACE INTO recording VALUES (?, ?, ?)", (asset, source, position))
    connection.execute("INSERT INTO cursor SELECT sink, finding, finding, 0 FROM old_cursor")
    for time_ns, kind, body in connection.execute("SELECT time_ns, kind, body FROM old_event ORDER BY id").fetchall():
        number += 1
        told = json.loads(body)
        sequences[told["asset"]] = sequences.get(told["asset"], 0) + 1
        text = json.dumps({"kind": kind, "text": told["text"]}, ensure_ascii=False)
        row = (number, told["asset"], sequences[told["asset"]], time_ns, text)
        connection.execute("INSERT INTO record VALUES (?, 'event', ?, ?, ?, ?)", row)
    connection.executemany(
        "INSERT INTO asset VALUES (?, ?, ?)", [(asset, n, newest.get(asset)) for asset, n in sequences.items()]
    )
    for asset, fingerprint, body in connection.execute("SELECT asset, fingerprint, body FROM old_state").fetchall():
        connection.execute("INSERT INTO state VALUES (?, ?, ?)", (asset, fingerprint, pack(json.loads(body))))
    connection.execute("INSERT INTO journal (name, counted) VALUES (?, ?)", (secrets.token_hex(4), number))
    _given(connection, number)
