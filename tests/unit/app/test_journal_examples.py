"""Findings that are packed by earlier ones of their asset: read as written whatever was deleted, undone or damaged."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inversion.app.journal import Batch, JournalError, Record, Retention, open_journal, read_journal
from inversion.app.journal import examples as examples_module
from inversion.app.journal import retention as retention_module
from inversion.app.journal.examples import Examples
from inversion.app.journal.packing import pack

DAY = 86_400_000_000_000
CONSTANT = random.Random(0).randbytes(300).hex()  # what a site says in all its findings, and no dictionary knows


def body(number: int, asset: str = "fan") -> dict[str, Any]:
    return {
        "asset": asset,
        "source": "",
        "position": None,
        "start_ns": number,
        "site": CONSTANT,
        "x": number**3,
    }


def record(number: int, asset: str = "fan") -> Record:
    return Record("finding", asset, number, body(number, asset))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.journal"


def sizes(path: Path) -> list[int]:
    with sqlite3.connect(path) as connection:
        return [size for (size,) in connection.execute("SELECT length(body) FROM record ORDER BY id")]


def kept(path: Path) -> list[int]:
    with sqlite3.connect(path) as connection:
        return [number for (number,) in connection.execute("SELECT id FROM example ORDER BY id")]


def test_what_a_site_always_says_is_stored_once_in_many_findings(path):
    with open_journal(path, 0) as journal:
        for i in range(200):
            journal.append(Batch([record(i)]))
        assert [entry.body for entry in journal.after(0, 1000)] == [body(i) for i in range(200)]
    stored = sizes(path)
    whole = [i for i, size in enumerate(stored) if size > 300]
    assert whole == [0, 64, 128, 192]
    assert max(size for i, size in enumerate(stored) if i not in whole) < 100


def test_findings_of_many_assets_are_packed_each_by_their_own(path):
    with open_journal(path, 0) as journal:
        journal.append(Batch([record(i, f"fan {i % 5}") for i in range(20)]))
        assert [entry.body for entry in journal.after(0, 1000)] == [body(i, f"fan {i % 5}") for i in range(20)]
    assert [i for i, size in enumerate(sizes(path)) if size > 300] == [0, 1, 2, 3, 4]


def test_what_later_findings_are_packed_by_outlives_its_own(path):
    with open_journal(path, 0, Retention(keep_days=1)) as journal:
        journal.append(Batch([Record("finding", "fan", i * DAY, body(i)) for i in range(100)]))
        assert journal.forget(31 * DAY) == 30
        assert [entry.body for entry in journal.after(0, 1000)] == [body(i) for i in range(30, 100)]
        assert kept(path) == [1]
        journal.register(["jsonl"])
        journal.rewind("jsonl", 0)  # it has less than is there, and nothing can go
        assert journal.forget(41 * DAY) == 0
        assert kept(path) == [1]
        journal.append(Batch(cursors={"jsonl": 100}))
    with read_journal(path) as journal:
        assert journal.last_findings() == [body(99)]
    with open_journal(path, 0, Retention(keep_days=1)) as journal:
        assert journal.forget(91 * DAY) == 60
        assert kept(path) == [65]  # the first is needed no more
        assert [entry.body for entry in journal.after(0, 1000)] == [body(i) for i in range(90, 100)]
        assert journal.forget(1000 * DAY) == 10
        assert kept(path) == []


def test_an_example_that_was_undone_is_not_used(path):
    with open_journal(path, 0) as journal:
        with pytest.raises(TypeError):
            journal.append(Batch([record(0), Record("event", "fan", 0, {"no JSON": b""})]))
        journal.append(Batch([record(1), record(2)]))
        with pytest.raises(TypeError):
            journal.append(Batch([record(3), Record("event", "fan", 0, {"no JSON": b""})]))
        journal.append(Batch([record(4), record(5)]))
        assert [entry.body for entry in journal.after(0, 1000)] == [body(i) for i in (1, 2, 4, 5)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.lists(st.sampled_from("abc"), min_size=1, max_size=9)),
            st.tuples(st.sampled_from(["forget", "again", "undone", "large", "rewind"]), st.integers(1, 20)),
        ),
        max_size=25,
    )
)
def test_whatever_is_left_reads_as_it_was_written(steps):
    """Findings expire one by one, gateways start again, transactions are undone; an example reaches three numbers."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples_module, "_SERVES", 4)
        patch.setattr(examples_module, "_REACH", 7)
        path = Path(folder) / "site.journal"
        written: list[dict[str, Any]] = []
        first = 0
        manager = open_journal(path, 0, Retention(keep_days=1))
        journal = manager.__enter__()
        for kind, what in steps:
            if kind == "append":
                records = [Record("finding", a, (len(written) + i) * DAY, body(i, a)) for i, a in enumerate(what)]
                journal.append(Batch(records))
                written += [dict(each.body) for each in records]
            elif kind == "forget":
                first = max(first, min(len(written), first + what))
                journal.append(Batch(cursors={"jsonl": len(written)}))
                journal.forget((first + 1) * DAY)
            elif kind == "rewind":
                journal.register(["jsonl"])
                journal.append(Batch(cursors={"jsonl": len(written)}))
                journal.rewind("jsonl", what)
                journal.forget(0)
                journal.append(Batch(cursors={"jsonl": len(written)}))
            elif kind == "large":
                full = iter([True, False])
                patch.setattr("inversion.app.journal.retention.too_large", lambda *_: next(full))  # noqa: B023
                journal.make_room()
                patch.setattr("inversion.app.journal.retention.too_large", lambda *_: False)
                first = min(first + max((len(written) - first) // retention_module._SHARE, 1), len(written))
            elif kind == "again":
                manager.__exit__(None, None, None)
                manager = open_journal(path, 0, Retention(keep_days=1))
                journal = manager.__enter__()
            else:
                with pytest.raises(TypeError):
                    journal.append(Batch([record(0, "a"), Record("event", "a", 0, {"no JSON": b""})]))
            assert [entry.body for entry in journal.after(0, 1000)] == written[first:]
        manager.__exit__(None, None, None)
        assert len(kept(path)) <= 3


def test_findings_whose_example_cannot_be_read_are_lost_and_counted_the_others_are_saved(path):
    with open_journal(path, 0) as journal:
        journal.register(["jsonl"])
        journal.append(Batch([record(i) for i in range(200)]))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE record SET body = x'02ffff' WHERE id = 65")
    with pytest.raises(JournalError, match="damaged"), open_journal(path, 0) as journal:
        journal.after(60, 10)
    with open_journal(path, 0) as journal:  # the page is whole, but what is in it is not
        assert [e.body for e in journal.after(0, 1000) if e.kind == "finding"] == [
            body(i) for i in range(200) if not 64 <= i < 128
        ]
        assert "136 records saved, 64 lost" in journal.events()[-1].text
        [standing] = journal.standings()
        assert standing.produced == standing.delivered + standing.buffered + standing.dropped == 201


def test_a_journal_of_version_3_goes_on(path):
    """Its pages stay as large as they were, its findings as they are packed."""
    with open_journal(path, 0):
        pass
    with sqlite3.connect(path) as connection:
        connection.executescript("DROP TABLE example; PRAGMA user_version = 3")
        for i in range(1, 4):
            row = (i, "finding", "fan", i, i, pack(body(i)))
            connection.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.execute("UPDATE cursor SET record = 3 WHERE sink = ''")
    path.with_name(f"{path.name}.lock").write_text("1234\n")
    with open_journal(path, 0) as journal:
        journal.append(Batch([record(4), record(5)]))
        assert [(entry.number, entry.sequence, entry.body) for entry in journal.after(0, 10)] == [
            (i, i, body(i)) for i in range(1, 6)
        ]


def test_what_was_packed_by_another_finding_is_refused():
    connection = sqlite3.connect(":memory:")
    connection.executescript("CREATE TABLE record (id, body); CREATE TABLE example (id, body)")
    examples = Examples(connection)
    first = examples.pack(1, "fan", body(1))
    connection.execute("INSERT INTO record VALUES (1, ?)", (first,))
    second = examples.pack(2, "fan", body(2))
    connection.execute("DELETE FROM record")
    assert examples.unpack(2, "fan", second) == body(2)
    examples.undo()
    with pytest.raises(ValueError, match="finding 1, which it was packed by, is gone"):
        examples.unpack(2, "fan", second)
    connection.execute("INSERT INTO example VALUES (1, ?)", (pack(body(7)),))
    with pytest.raises(ValueError, match="cannot be unpacked"):
        examples.unpack(2, "fan", second)
    connection.execute("UPDATE example SET body = ?", (first,))
    assert Examples(connection).unpack(2, "fan", second) == body(2)
