"""The journal stores all or nothing, once, for one gateway; it counts what every sink has, and outlives damage."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inversion.app.journal import Batch, Event, JournalError, JournalUnavailable, Record, Retention, open_journal
from inversion.app.journal.packing import pack, unpack
from inversion.app.journal.status import status

DAY = 86_400_000_000_000


def finding(position: int | None, asset: str = "fan", padding: str = "", time_ns: int = 0) -> Record:
    start_ns = 0 if position is None else position
    body = {"asset": asset, "source": "a.mat", "position": position, "start_ns": start_ns, "padding": padding}
    return Record("finding", asset, time_ns, body)


def noise(length: int, seed: int = 0) -> str:
    """Text that cannot be packed."""
    return random.Random(seed).randbytes(length // 2).hex()


def positions(journal) -> list[int]:
    return [entry.body["position"] for entry in journal.after(0, 10_000) if entry.kind == "finding"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "site.journal"


def open_at(path: Path, **kept):
    return open_journal(path, 0, Retention(**kept))


def test_what_was_appended_is_there_after_reopening(path):
    event = Event(5, "source_gone", "nobody answers", "fan")
    batch = Batch([finding(0), finding(1), event.record()], {"fan": {"track": [0.1]}}, "v1")
    batch.cycles["fan", "too loud"] = {"active": True}
    batch.cursors["jsonl"] = 1
    with open_at(path) as journal:
        journal.register(["jsonl", "console"])
        journal.append(batch)
    with open_at(path) as journal:
        assert positions(journal) == [0, 1]
        assert [entry.number for entry in journal.after(1, 10)] == [2, 3]
        assert journal.states("v1") == {"fan": {"track": [0.1]}}
        assert journal.states("v2") == {}
        assert journal.events() == [event]
        assert journal.cycles() == {("fan", "too loud"): {"active": True}}
        assert (journal.cursor("jsonl"), journal.waiting("jsonl")) == (1, 1)
        assert (journal.cursor("console"), journal.waiting("console")) == (0, 2)
        assert journal.last_findings() == [finding(1).body]


def test_a_window_is_stored_once_and_live_findings_always(path):
    with open_at(path) as journal:
        for _ in range(2):
            journal.append(Batch([finding(3), finding(None)]))
        assert positions(journal) == [3, None, None]


def test_the_last_position_is_of_the_asset_and_source(path):
    with open_at(path) as journal:
        assert journal.last_position("fan", "a.mat") is None
        journal.append(Batch([finding(0), finding(7), finding(9, "pump")]))
        assert journal.last_position("fan", "a.mat") == 7
        assert journal.last_position("pump", "a.mat") == 9
        assert journal.last_position("fan", "b.mat") is None


def test_every_record_has_a_name_that_no_other_has(path):
    with open_at(path) as journal:
        journal.append(Batch([finding(None), finding(None, "pump"), Event(0, "x", "y").record(), finding(None)]))
        names = [(entry.asset, entry.sequence) for entry in journal.after(0, 10)]
        assert names == [("fan", 1), ("pump", 1), ("", 1), ("fan", 2)]
        (first,) = {entry.journal for entry in journal.after(0, 10)}
    path.unlink()
    with open_at(path) as journal:
        journal.append(Batch([finding(None)]))
        assert {entry.journal for entry in journal.after(0, 10)} != {first}


def test_a_full_disk_stores_nothing_of_a_batch_and_later_all_of_it(path):
    with open_at(path) as journal:
        journal.append(Batch([finding(0)], {"fan": {"n": 0}}))
        pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]
        journal.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        batch = Batch([finding(i, padding=noise(4000, i)) for i in range(1, 9)], {"fan": {"n": 8}})
        with pytest.raises(JournalUnavailable, match=r"site.journal: cannot be written: database or disk is full"):
            journal.append(batch)
        assert (journal.last_position("fan", "a.mat"), journal.states("")) == (0, {"fan": {"n": 0}})
        journal.connection.execute("PRAGMA max_page_count = 10000")
        journal.append(batch)
        assert (journal.last_position("fan", "a.mat"), journal.states("")) == (8, {"fan": {"n": 8}})


def test_every_commit_is_synchronous(path):
    with open_at(path) as journal:
        assert journal.connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert journal.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_second_gateway_is_refused_with_the_process_of_the_first(path):
    hold = (
        "import sys, os, pathlib; from inversion.app.journal import open_journal\n"
        "with open_journal(pathlib.Path(sys.argv[1]), 0):\n    print(os.getpid(), flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with first:
        holder = first.stdout.readline().strip()
        with (
            pytest.raises(JournalError, match=rf"another gateway writes this journal \(process {holder}\)"),
            open_at(path),
        ):
            pass
        first.stdin.close()
    with open_at(path) as journal:  # the lock went with its holder
        assert journal.after(0, 1) == []


def test_a_file_that_never_was_a_journal_is_left_alone(path):
    path.parent.mkdir()
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(JournalError, match="must be a journal, found a file that is no SQLite database"), open_at(path):
        pass
    assert path.read_bytes() == b"this is no database at all" * 100


def test_a_database_of_somebody_else_is_refused(path):
    with open_at(path) as journal:
        journal.connection.execute("PRAGMA user_version = 7")
    with (
        pytest.raises(JournalError, match="must be a journal of version 4, found a database of version 7"),
        open_at(path),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "var").write_text("a file where a folder should be")
    with pytest.raises(JournalError, match="cannot be opened: "), open_at(tmp_path / "var" / "site.journal"):
        pass


# --- what every sink has: produced = delivered + buffered + dropped


def balanced(journal) -> bool:
    return all(s.produced == s.delivered + s.buffered + s.dropped for s in journal.standings())


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 20)),
        st.tuples(st.sampled_from(["fast", "slow"]), st.integers(0, 30)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("forget"), st.integers(0, 40)),
        st.tuples(st.just("rewind"), st.integers(0, 60)),
        st.tuples(st.just("register"), st.integers(0, 3)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_produced_is_delivered_and_buffered_and_dropped(tmp_path_factory, steps):
    """The counts are kept apart from each other, and agree with what a sink was really given."""
    given_to = {"fast": 0, "slow": 0}
    with open_at(tmp_path_factory.mktemp("j") / "j", keep_days=1) as journal:
        journal.register(["fast", "slow"])
        for step, n in steps:
            match step:
                case "append":
                    last = journal.after(0, 10_000)[-1].number if journal.after(0, 1) else 0
                    journal.append(Batch([finding(None, time_ns=(last + i) * DAY) for i in range(n)]))
                case "fast" | "slow":
                    entries = journal.after(journal.cursor(step), n)
                    if entries:
                        given_to[step] += len(entries)
                        journal.append(Batch(cursors={step: entries[-1].number}))
                case "cut":
                    journal.connection.execute("BEGIN")
                    from inversion.app.journal import retention

                    retention.cut_large(journal.connection)
                    journal.connection.execute("COMMIT")
                case "forget":
                    journal.forget(n * DAY)
                case "rewind":
                    given_to["slow"] -= journal.rewind("slow", n)
                case "register":
                    journal.register([f"new {n}"])
            assert balanced(journal)
        for standing in journal.standings():
            if standing.sink in given_to:
                assert standing.delivered == given_to[standing.sink]
            assert standing.buffered == len(journal.after(journal.cursor(standing.sink), 10_000))


def test_age_takes_only_what_every_sink_has(path):
    with open_at(path, keep_days=10) as journal:
        journal.register(["fast", "slow"])
        journal.append(Batch([finding(None, time_ns=day * DAY) for day in range(100)]))
        journal.append(Batch(cursors={"fast": 100, "slow": 30}))
        assert journal.forget(50 * DAY) == 30
        assert journal.forget(10_000 * DAY) == 0  # a clock far ahead loses nothing that a sink lacks
        journal.append(Batch(cursors={"slow": 100}))
        assert journal.forget(105 * DAY) == 65
        assert [s.dropped for s in journal.standings()] == [0, 0]


def test_age_waits_for_no_sink_that_the_site_has_no_more(path):
    """One that was renamed would keep all records for ever."""
    with open_at(path, keep_days=10) as journal:
        journal.register(["old name"])
        journal.append(Batch([finding(None, time_ns=day * DAY) for day in range(100)]))
        journal.register(["new name"])
        journal.append(Batch(cursors={"new name": 100}))
        assert journal.forget(50 * DAY) == 40
        assert balanced(journal)


def test_hours_are_left_until_a_record_goes_that_a_sink_lacks(path, monkeypatch):
    """Not until the budget is reached: a journal of five years is always full, of what every sink has."""
    hour = 3_600_000_000_000

    def left(sinks=None) -> float:
        return status(journal, journal.kept, sinks)["hours_left"]

    with open_at(path, most_mb=12) as journal:
        journal.register(["fast", "dead"])
        for i in range(0, 1200, 20):
            batch = [finding(None, padding=noise(20_000, i + k), time_ns=(i + k) * hour) for k in range(20)]
            journal.append(Batch(batch, cursors={"fast": i + 20}))
        held = len(journal.after(0, 10_000))
        assert 500 < held < 700  # 6.3 MB of them
        assert left() < held / 16  # as many as there is room for wait for one sink
        assert held - 60 < left({"fast"}) < held + 60  # an hour each
        journal.append(Batch(cursors={"dead": 1100}))
        assert left() == pytest.approx(left({"fast"}) - 100, abs=2)
        monkeypatch.setattr("inversion.app.journal.status.free_bytes", lambda _: 0)
        assert left({"fast"}) <= held + 60


def test_size_takes_the_oldest_counts_them_and_keeps_the_file_in_its_budget(path):
    with open_at(path, most_mb=12) as journal:
        journal.register(["dead"])
        for i in range(60):
            journal.append(Batch([finding(None, padding=noise(20_000, 50 * i + k)) for k in range(20)]))
            assert sum(file.stat().st_size for file in path.parent.iterdir()) <= 12e6
        (standing,) = journal.standings()
        assert standing.produced == 1200
        assert standing.dropped > 300
        assert balanced(journal)
        assert journal.after(0, 1)[0].number == standing.dropped + 1
        assert journal.dropped == {"dead": standing.dropped}


def test_a_sink_that_is_new_gets_what_is_there_and_knows_what_it_missed(path):
    with open_at(path, keep_days=1) as journal:
        journal.append(Batch([finding(None, time_ns=day * DAY) for day in range(10)]))
        journal.forget(6 * DAY)
        journal.register(["new"])
        (standing,) = journal.standings()
        assert (standing.produced, standing.delivered, standing.buffered, standing.dropped) == (10, 0, 5, 5)


# --- requests


def test_a_request_waits_for_its_answer(path):
    with open_at(path) as journal:
        number = journal.ask(5, {"verb": "ack"})
        assert journal.asked() == [(number, {"verb": "ack"})]
        assert journal.answer(number) is None
        journal.append(Batch(answers={number: "done"}))
        assert (journal.asked(), journal.answer(number)) == ([], "done")


# --- damage


def fill(path: Path, count: int = 300) -> None:
    with open_at(path) as journal:
        journal.register(["jsonl"])
        for i in range(0, count, 10):
            batch = [finding(k, padding=noise(500, k)) for k in range(i, min(i + 10, count))]
            journal.append(Batch(batch, {"fan": {"n": i}}, "v1"))
        journal.append(Batch(cursors={"jsonl": 100}))


def damage(path: Path) -> None:
    """As after a power cut: the gateway did not close it."""
    path.with_name(f"{path.name}.lock").write_text("1234\n")


def opened(path: Path):
    with open_journal(path, 1_700_000_000_000_000_000) as journal:
        entries = journal.after(0, 10_000)
        return entries, journal.standings(), [event for event in journal.events() if event.kind == "journal_damaged"]


def test_a_damaged_journal_is_set_aside_and_what_can_be_read_goes_on(path):
    fill(path)
    content = bytearray(path.read_bytes())
    content[4096 * 20 : 4096 * 30] = b"\xff" * 4096 * 10
    path.write_bytes(content)
    damage(path)
    entries, standings, [event] = opened(path)
    numbers = [entry.number for entry in entries]
    assert 150 < len(numbers) < 300
    assert numbers == sorted(set(numbers))
    assert "set aside as site.journal.damaged-20231114T221320;" in event.text
    assert f"{len(numbers) - 1} records saved, {301 - len(numbers)} lost" in event.text
    assert path.with_name("site.journal.damaged-20231114T221320").read_bytes() == content
    for standing in standings:
        assert standing.produced == standing.delivered + standing.buffered + standing.dropped == 301
        assert standing.delivered == 100
    assert opened(path)[2] == [event]  # once


@pytest.mark.parametrize("seed", range(12))
def test_a_journal_cut_off_at_a_random_byte_opens_and_adds_up(path, seed):
    fill(path)
    content = path.read_bytes()
    path.write_bytes(content[: random.Random(seed).randrange(len(content))])
    damage(path)
    entries, standings, events = opened(path)
    assert len(events) == 1
    for entry in entries[:-1]:
        assert entry.body == finding(entry.number - 1, padding=noise(500, entry.number - 1)).body
        assert entry.sequence == entry.number
    for standing in standings:
        assert standing.produced == standing.delivered + standing.buffered + standing.dropped
    with open_journal(path, 0) as journal:
        before = {(entry.journal, entry.asset, entry.sequence) for entry in entries}
        journal.append(Batch([finding(1000)]))
        newest = journal.after(0, 10_000)[-1]
        assert (newest.journal, newest.asset, newest.sequence) not in before
        assert newest.sequence > 300 or newest.journal != entries[0].journal or len(entries) == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_large_journal_that_was_cut_off_is_found_out_at_once(path, seed, monkeypatch):
    monkeypatch.setattr("inversion.app.journal.file._WHOLE_BYTES", 0)
    fill(path)
    content = path.read_bytes()
    path.write_bytes(content[: random.Random(seed).randrange(len(content))])
    damage(path)
    assert len(opened(path)[2]) == 1


def test_a_large_journal_with_an_old_page_gone_is_found_out_when_it_is_read(path, monkeypatch):
    """Its start does not read every page; a page that cannot be read is told then, and the next start reads all."""
    monkeypatch.setattr("inversion.app.journal.file._WHOLE_BYTES", 0)
    fill(path, 900)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 3)
        file.write(b"\xff" * 4096)
    damage(path)

    def read_all() -> None:
        with open_at(path) as journal:
            assert [event for event in journal.events() if event.kind == "journal_damaged"] == []
            journal.after(0, 10_000)

    with pytest.raises(JournalError, match="damaged"):
        read_all()
    entries, _, events = opened(path)
    assert len(events) == 1
    assert len(entries) > 100


FULL = """
import resource, sys
from pathlib import Path
from inversion.app.journal import open_journal
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
with open_journal(Path(sys.argv[1]), 0):
    pass
"""


def test_a_damaged_journal_on_a_full_disk_waits_for_room_and_loses_nothing(path):
    """What is saved takes room of its own; where there is none the next start finds all as it was."""
    fill(path)
    with path.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xff" * 4096)
    damage(path)
    content = path.read_bytes()
    told = subprocess.run([sys.executable, "-c", FULL, path, "60000"], capture_output=True, text=True, timeout=60)
    assert "JournalUnavailable" in told.stderr
    assert path.read_bytes() == content
    assert {file.name for file in path.parent.iterdir()} <= {path.name, f"{path.name}.lock"}
    entries, standings, events = opened(path)
    assert (len(entries) > 150, len(events)) == (True, 1)
    assert standings[0].delivered == 100


def test_what_was_saved_takes_its_place_where_that_was_cut_off(path, monkeypatch):
    fill(path)
    with path.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xff" * 4096)
    damage(path)
    really = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if self.name.endswith(".saving"):
            raise KeyboardInterrupt
        return really(self, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        opened(path)
    assert not path.exists()
    monkeypatch.undo()
    entries, standings, _ = opened(path)
    assert 150 < len(entries) < 300
    assert standings[0].delivered == 100


def test_events_are_found_without_reading_every_finding(path):
    fill(path, 3)
    with open_at(path) as journal:
        for kind in ("event", "alarm"):
            plan = journal.connection.execute(
                f"EXPLAIN QUERY PLAN SELECT body FROM record WHERE kind = '{kind}' ORDER BY id"
            ).fetchall()
            assert f"USING INDEX record_{kind}" in plan[0][3]
            assert len(plan) == 1


def test_an_emptied_journal_is_set_aside_too(path):
    fill(path, 3)
    path.write_bytes(b"")
    damage(path)
    assert len(opened(path)[2]) == 1


def test_a_journal_that_was_closed_well_is_not_searched_for_damage(path, monkeypatch):
    fill(path, 3)
    monkeypatch.setattr("inversion.app.journal.file._trouble", lambda *_: pytest.fail("searched"))
    with open_at(path) as journal:
        assert positions(journal) == [0, 1, 2]


VERSION_1 = """
CREATE TABLE finding (id INTEGER PRIMARY KEY AUTOINCREMENT, asset TEXT NOT NULL, source TEXT NOT NULL, position INTEGER,
    start_ns INTEGER NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX finding_once ON finding (asset, source, position) WHERE position IS NOT NULL;
CREATE INDEX finding_of_asset ON finding (asset, id);
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time_ns INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE cursor (sink TEXT PRIMARY KEY, finding INTEGER NOT NULL);
CREATE TABLE state (asset TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, body TEXT NOT NULL);
PRAGMA user_version = 1;
"""


def test_a_journal_of_version_1_goes_on(path):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    for i in range(3):
        body = json.dumps(finding(i).body)
        connection.execute("INSERT INTO finding VALUES (NULL, 'fan', 'a.mat', ?, ?, ?)", (i, i, body))
    connection.execute("INSERT INTO event VALUES (NULL, 7, 'started', ?)", (json.dumps({"text": "on", "asset": ""}),))
    connection.execute("INSERT INTO cursor VALUES ('jsonl', 2)")
    connection.execute("INSERT INTO state VALUES ('fan', 'v1', '{\"n\": 3}')")
    connection.commit()
    connection.close()
    with open_at(path) as journal:
        assert positions(journal) == [0, 1, 2]
        assert (journal.cursor("jsonl"), journal.waiting("jsonl")) == (2, 1)
        assert journal.states("v1") == {"fan": {"n": 3}}
        assert journal.events() == [Event(7, "started", "on")]
        assert journal.last_position("fan", "a.mat") == 2
        assert balanced(journal)
        journal.append(Batch([finding(2), finding(3)]))
        assert [(entry.number, entry.sequence) for entry in journal.after(3, 10)] == [(4, 1), (5, 4)]


VERSION_2 = """
CREATE TABLE journal (name TEXT NOT NULL, produced INTEGER NOT NULL);
CREATE TABLE record (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    asset TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    body BLOB NOT NULL
);
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
PRAGMA user_version = 2;
"""


def test_a_journal_of_version_2_goes_on(path):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_2)
    connection.execute("INSERT INTO journal VALUES ('abcd', 3)")
    for i in range(2, 4):  # the first is gone
        row = (i, "finding", "fan", i, i, pack(finding(i).body))
        connection.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.execute("INSERT INTO asset VALUES ('fan', 3, 3)")
    connection.execute("INSERT INTO cursor VALUES ('jsonl', 2, 1, 1)")
    connection.commit()
    connection.close()
    with open_at(path) as journal:
        assert balanced(journal)
        assert [vars(standing) for standing in journal.standings()] == [
            {"sink": "jsonl", "produced": 3, "delivered": 1, "buffered": 1, "dropped": 1}
        ]
        assert [body["position"] for body in journal.last_findings()] == [3]
        journal.append(Batch([finding(None), finding(None, "pump")]))
        named = [(entry.number, entry.asset, entry.sequence, entry.journal) for entry in journal.after(3, 10)]
        assert named == [(4, "fan", 4, "abcd"), (5, "pump", 1, "abcd")]


def test_numbers_go_on_wherever_the_last_gateway_ended(path):
    """Whether it was just before or just after it stored how many records each asset has."""
    from inversion.app.journal import numbering

    for count in (numbering._FOLD - 1, numbering._FOLD, numbering._FOLD + 1):
        place = path.with_name(f"{count}.journal")
        with open_at(place) as journal:
            journal.append(Batch([finding(None, f"fan {i % 3}") for i in range(count)]))
        with open_at(place) as journal:
            assert [body["asset"] for body in journal.last_findings()] == [
                f"fan {i % 3}" for i in range(count - 3, count)
            ]
            journal.append(Batch([finding(None, "fan 0")]))
            newest = journal.after(count, 10)[0]
            assert (newest.number, newest.sequence) == (count + 1, (count + 2) // 3 + 1)


def test_what_is_undone_leaves_no_gap(path):
    with open_at(path) as journal:
        journal.append(Batch([finding(0)]))
        with pytest.raises(TypeError):
            journal.append(Batch([finding(1), finding(2), Record("event", "fan", 0, {"no JSON": b""})]))
        journal.append(Batch([finding(3)]))
        assert [(entry.number, entry.sequence) for entry in journal.after(0, 10)] == [(1, 1), (2, 2)]


def test_an_asset_whose_records_are_all_gone_is_not_numbered_anew(path):
    with open_at(path, keep_days=1) as journal:
        journal.append(Batch([finding(0), finding(1)]))
        assert journal.forget(10 * DAY) == 2
    with open_at(path) as journal:
        journal.append(Batch([finding(2)]))
        assert [(entry.number, entry.sequence) for entry in journal.after(0, 10)] == [(3, 3)]


def test_the_words_of_a_dictionary_never_change():
    """What was packed with others could not be read any more."""
    from inversion.app.journal.packing import _DICTIONARIES

    known = {number: hashlib.sha256(words).hexdigest()[:16] for number, words in _DICTIONARIES.items()}
    assert known == {1: "c2e5c9c8a44f3ca6", 2: "0440d59164ef4f01"}


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(), st.floats(allow_nan=False))))
def test_unpack_inverts_pack(body):
    assert unpack(pack(body)) == body


def test_what_was_not_packed_here_is_refused():
    for bad in (b"", b"\x00abc", b"\x01abc"):
        with pytest.raises(ValueError, match=r"unpacked|dictionary"):
            unpack(bad)
