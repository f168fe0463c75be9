"""The journal stores all or nothing, once, for one gateway, and says in one line when it cannot."""

from __future__ import annotations

import subprocess
import sys

import pytest

from inversion.app.journal import Event, JournalError, JournalUnavailable, open_journal


def finding(position: int | None, asset: str = "fan", padding: str = "") -> dict:
    start_ns = 0 if position is None else position
    return {"asset": asset, "source": "a.mat", "position": position, "start_ns": start_ns, "padding": padding}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "site.journal"


def test_what_was_appended_is_there_after_reopening(path):
    event = Event(5, "alarm", "too loud", "fan")
    with open_journal(path) as journal:
        journal.append([finding(0), finding(1)], {"fan": {"track": [0.1]}}, "v1", [event])
        journal.advance("jsonl", 1)
    with open_journal(path) as journal:
        assert [entry.finding["position"] for entry in journal.after(0, 10)] == [0, 1]
        assert [entry.number for entry in journal.after(1, 10)] == [2]
        assert journal.states("v1") == {"fan": {"track": [0.1]}}
        assert journal.states("v2") == {}
        assert journal.events() == [event]
        assert (journal.cursor("jsonl"), journal.waiting("jsonl")) == (1, 1)
        assert (journal.cursor("console"), journal.waiting("console")) == (0, 2)
        assert journal.last_findings() == [finding(1)]


def test_a_window_is_stored_once_and_live_findings_always(path):
    with open_journal(path) as journal:
        for _ in range(2):
            journal.append([finding(3), finding(None)])
        assert [entry.finding["position"] for entry in journal.after(0, 10)] == [3, None, None]


def test_the_last_position_is_of_the_asset_and_source(path):
    with open_journal(path) as journal:
        assert journal.last_position("fan", "a.mat") is None
        journal.append([finding(0), finding(7), finding(9, "pump")])
        assert journal.last_position("fan", "a.mat") == 7
        assert journal.last_position("pump", "a.mat") == 9
        assert journal.last_position("fan", "b.mat") is None


def test_a_full_disk_stores_nothing_of_a_batch_and_later_all_of_it(path):
    with open_journal(path) as journal:
        journal.append([finding(0)], {"fan": {"n": 0}})
        pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]
        journal.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        batch = [finding(i, padding="x" * 2000) for i in range(1, 9)]
        with pytest.raises(JournalUnavailable, match=r"site.journal: cannot be written: database or disk is full"):
            journal.append(batch, {"fan": {"n": 8}})
        assert (journal.last_position("fan", "a.mat"), journal.states("")) == (0, {"fan": {"n": 0}})
        journal.connection.execute("PRAGMA max_page_count = 10000")
        journal.append(batch, {"fan": {"n": 8}})
        assert (journal.last_position("fan", "a.mat"), journal.states("")) == (8, {"fan": {"n": 8}})


def test_every_commit_is_synchronous(path):
    with open_journal(path) as journal:
        assert journal.connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert journal.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_second_gateway_is_refused_with_the_process_of_the_first(path):
    hold = (
        "import sys, os, pathlib; from inversion.app.journal import open_journal\n"
        "with open_journal(pathlib.Path(sys.argv[1])):\n    print(os.getpid(), flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with first:
        holder = first.stdout.readline().strip()
        with (
            pytest.raises(JournalError, match=rf"another gateway writes this journal \(process {holder}\)"),
            open_journal(path),
        ):
            pass
        first.stdin.close()
    with open_journal(path) as journal:  # the lock went with its holder
        assert journal.after(0, 1) == []


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\0" + bytes(4000)])
def test_a_file_that_is_no_journal_is_one_line(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(JournalError) as caught, open_journal(path):
        pass
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_damaged_journal_is_one_line(path):
    with open_journal(path) as journal:
        journal.append([finding(i, padding="x" * 500) for i in range(200)])
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 9] = b"\xff" * 4096 * 6
    path.write_bytes(content)
    with pytest.raises(JournalError, match="the journal is damaged") as caught, open_journal(path):
        pass
    assert "\n" not in str(caught.value)


def test_a_truncated_journal_is_one_line(path):
    with open_journal(path) as journal:
        journal.append([finding(i, padding="x" * 500) for i in range(200)])
    path.write_bytes(path.read_bytes()[:30_000])
    with pytest.raises(JournalError, match="the journal is damaged") as caught, open_journal(path):
        pass
    assert "\n" not in str(caught.value)


def test_a_database_of_somebody_else_is_refused(path):
    with open_journal(path) as journal:
        journal.connection.execute("PRAGMA user_version = 7")
    with (
        pytest.raises(JournalError, match="must be a journal of version 1, found a database of version 7"),
        open_journal(path),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "var").write_text("a file where a folder should be")
    with pytest.raises(JournalError, match="cannot be opened: "), open_journal(tmp_path / "var" / "site.journal"):
        pass
