"""Tables that grow: whole rows only, whatever is killed, and a file has its name once it is whole."""

from __future__ import annotations

import asyncio
import csv
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from served import change, finding, parameter

from inversion.app import rotating
from inversion.app.journal import Entry
from inversion.app.rotating import Table
from inversion.app.sinks.files import FilesSink

FOLDER = Path(__file__).parent


def write(sink, *entries):
    asyncio.run(sink.write_records(entries))


def close(sink):
    asyncio.run(sink.close())


def names(folder):
    return sorted(path.name.split("-")[0] + "".join(path.suffixes) for path in folder.iterdir())


def rows(*paths):
    found = []
    for path in paths:
        with path.open(newline="") as file:
            found += list(csv.DictReader(file))
    return found


def parquet_rows(*paths):
    parquet = pytest.importorskip("pyarrow.parquet")
    return [row for path in paths for row in parquet.read_table(path).to_pylist()]


def test_findings_and_alarms_are_series_of_their_own(tmp_path):
    sink = FilesSink(tmp_path / "new")
    write(sink, finding(1), change("unacknowledged", 2), finding(3))
    assert names(sink.folder) == ["alarms.csv.open", "findings.csv.open"]
    close(sink)
    assert names(sink.folder) == ["alarms.csv", "findings.csv"]
    alarms, findings = (rows(path) for path in sorted(sink.folder.iterdir()))
    assert [(row["asset"], row["outer_spall_mean_mm"], row["sequence"]) for row in findings] == [
        ("fan 3", "3.2", "1"), ("fan 3", "3.2", "3"),
    ]  # fmt: skip
    assert [(row["to"], row["value_mean"], row["value_unit"], row["journal"]) for row in alarms] == [
        ("unacknowledged", "3.2", "mm", "a1b2")
    ]


def test_parquet_holds_what_csv_holds_with_types(tmp_path):
    sink = FilesSink(tmp_path, format="parquet", kinds=("finding", "alarm", "event"))
    unknown = finding(2, outer_spall=parameter(resolvable=False) | {"mean": None})
    told = Entry(4, "event", "", 4, "a1b2", 17, {"kind": "started", "text": "grüße"})
    write(sink, finding(1), unknown, change("shelved", 3), told)
    close(sink)
    assert names(tmp_path) == ["alarms.parquet", "events.parquet", "findings.parquet"]
    alarms, events, findings = (parquet_rows(path) for path in sorted(tmp_path.iterdir()))
    assert [(row["outer_spall_mean_mm"], row["outer_spall_resolvable"]) for row in findings] == [
        (3.2, True), (None, False),
    ]  # fmt: skip
    assert [(row["to"], row["announced"], row["sequence"]) for row in alarms] == [("shelved", True, 3)]
    assert events == [
        {"time_ns": 17, "asset": "", "kind": "started", "text": "grüße", "journal": "a1b2", "sequence": 4}
    ]


@pytest.mark.parametrize(("kind", "rotate_mb", "most_mb"), [("csv", 0.002, 0.008), ("parquet", 0.01, 0.03)])
def test_a_file_is_finished_by_size_and_the_oldest_go(tmp_path, kind, rotate_mb, most_mb):
    sink = FilesSink(tmp_path, format=kind, kinds=("finding",), rotate_mb=rotate_mb, most_mb=most_mb)
    for number in range(1, 91, 3):
        write(sink, *map(finding, range(number, number + 3)))
    finished = sink._tables["finding"].files()
    assert len(finished) > 1
    assert sum(path.stat().st_size for path in finished) <= 1e6 * most_mb
    read = (rows if kind == "csv" else parquet_rows)(*finished)
    numbers = [int(row["sequence"]) for row in read]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert numbers[0] > 1
    assert numbers[-1] >= 60


def test_a_file_is_finished_by_age_and_names_follow_each_other_though_the_clock_is_set_back(tmp_path, monkeypatch):
    now, since = [1_800_000_000.0], [0.0]
    monkeypatch.setattr(rotating.time, "time", lambda: now[0])
    monkeypatch.setattr(rotating.time, "monotonic", lambda: since[0])
    sink = FilesSink(tmp_path, rotate_h=1.0, kinds=("finding",))
    steps = (
        (0.0, 0.0, 1),
        (3599.0, 3599.0, 1),
        (2.0, 2.0, 2),
        (-7200.0, 10.0, 2),
        (10.0, 3600.0, 3),
        (-9e6, 3599.0, 3),
    )
    for number, (clock_s, really_s, files) in enumerate(steps, start=1):
        now[0] += clock_s
        since[0] += really_s
        write(sink, finding(number))
        assert len(list(tmp_path.iterdir())) == files
    close(sink)
    assert [int(row["sequence"]) for row in rows(*sink._tables["finding"].files())] == [1, 2, 3, 4, 5, 6]


def test_what_one_asset_has_and_another_has_not_leaves_cells_empty_and_new_columns_begin_a_file(tmp_path):
    sink = FilesSink(tmp_path, kinds=("finding",))
    write(sink, finding(1, asset="a", x=parameter(), y=parameter()), finding(2, asset="b", x=parameter()))
    write(sink, finding(3, asset="b", x=parameter()), finding(4, asset="a", x=parameter(), y=parameter()))
    [path] = tmp_path.iterdir()
    assert [row["y_mean_mm"] for row in rows(path)] == ["3.2", "", "", "3.2"]
    write(sink, finding(5, asset="b", z=parameter()))
    first, second = sorted(tmp_path.iterdir(), key=lambda each: each.name.endswith(".open"))
    assert (len(rows(first)), [row["z_mean_mm"] for row in rows(second)]) == (4, ["3.2"])


@pytest.mark.parametrize("torn", [b"", b"fan 3,2026-11", b"x" * 100_000])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_torn_last_line_is_cut_off(tmp_path, torn, kind):
    write(FilesSink(tmp_path, format=kind, kinds=("finding",)), finding(1))
    [path] = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(torn)
    again = FilesSink(tmp_path, format=kind, kinds=("finding",))
    write(again, finding(2))
    close(again)
    [path] = tmp_path.iterdir()
    assert [int(row["sequence"]) for row in (rows if kind == "csv" else parquet_rows)(path)] == [1, 2]


def test_a_torn_head_is_written_again(tmp_path):
    sink = FilesSink(tmp_path, kinds=("finding",))
    write(sink, finding(1))
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:20])
    write(FilesSink(tmp_path, kinds=("finding",)), finding(2))
    assert [row["sequence"] for row in rows(path)] == ["2"]


def test_a_power_cut_between_a_table_and_the_end_of_its_lines_doubles_nothing(tmp_path):
    sink = FilesSink(tmp_path, format="parquet", kinds=("finding",))
    write(sink, finding(1))
    [lines] = tmp_path.iterdir()
    before = lines.read_bytes()
    close(sink)
    lines.write_bytes(before)  # the table has its name, the lines are still there
    again = FilesSink(tmp_path, format="parquet", kinds=("finding",))
    write(again, finding(2))
    close(again)
    found = sorted(int(row["sequence"]) for row in parquet_rows(*tmp_path.iterdir()))
    assert found == [1, 2]


def test_a_full_disk_leaves_no_half_row_and_the_row_comes_later(tmp_path):
    sink = FilesSink(tmp_path, kinds=("finding",))
    write(sink, finding(1))
    [path] = tmp_path.iterdir()
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(sink, finding(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    write(sink, finding(2))
    assert [row["sequence"] for row in rows(path)] == ["1", "2"]


def test_texts_stay_on_their_line_and_are_no_formulas(tmp_path):
    sink = FilesSink(tmp_path, kinds=("alarm",))
    hostile = change("shelved", 1)
    hostile.body["comment"] = '=HYPERLINK("http://example")\nsecond line, "quoted"'
    write(sink, hostile)
    [path] = tmp_path.iterdir()
    assert path.read_bytes().count(b"\n") == 2
    assert rows(path)[0]["comment"] == '\'=HYPERLINK("http://example") second line, "quoted"'


@pytest.mark.parametrize(
    "rotten", [b'{"asset": "fan", "duration_s": "long"}\n', b'{"asset": "fa\n', b"\xff\x00\xfe\n", b"7\n", b"{}\n"]
)
@pytest.mark.parametrize("first", [False, True])
def test_an_open_file_whose_lines_are_no_rows_is_set_aside_and_the_next_rows_are_written(
    tmp_path, caplog, rotten, first
):
    """Else one bit on a worn disk would stop the sink until somebody comes."""
    pytest.importorskip("pyarrow")
    table = Table(tmp_path, "findings", "parquet", 1_000_000, 3600.0)
    row = {"asset": "fan", "duration_s": 1.0}
    table.add([row])
    [lines] = tmp_path.iterdir()
    whole = lines.read_bytes()
    lines.write_bytes(rotten + whole if first else whole + rotten)
    table.add([row])
    table.finish()
    table.add([row])
    table.finish()
    damaged = [path for path in tmp_path.iterdir() if path.suffix == ".damaged"]
    kept = sum(path.read_bytes().count(whole) for path in damaged)
    assert kept + len(parquet_rows(*table.files())) == 3
    assert len(damaged) == len([each for each in caplog.messages if "set aside" in each]) == 1


def test_a_head_that_is_no_text_is_set_aside(tmp_path, caplog):
    table = Table(tmp_path, "findings", "csv", 1_000_000, 3600.0)
    table.add([{"asset": "fan"}])
    [lines] = tmp_path.iterdir()
    lines.write_bytes(b"\xff\xfe" + lines.read_bytes())
    table.add([{"asset": "fan 2"}])
    table.finish()
    assert names(tmp_path) == ["findings.csv", "findings.csv.damaged"]
    assert "set aside" in caplog.text


@pytest.mark.parametrize("problem", ["exit", "time"])
def test_rows_whose_file_cannot_be_finished_are_added_once_however_often_that_is_tried(tmp_path, monkeypatch, problem):
    """Each try of a sink brings them again; a disk that is full of their repetitions would never come back."""
    monkeypatch.setattr(
        rotating, "_MAKE", "import sys; sys.exit(3)" if problem == "exit" else "import time; time.sleep(9)"
    )
    monkeypatch.setattr(rotating, "_CONVERT_S", 600.0 if problem == "exit" else 0.2)
    sink = FilesSink(tmp_path, format="parquet", kinds=("finding",), rotate_mb=0.001)
    write(sink, finding(1), finding(2))
    [path] = tmp_path.iterdir()
    before = path.read_bytes()
    assert before.count(b"\n") == 2
    for _ in range(3):
        with pytest.raises(OSError, match="could not be made"):
            write(sink, finding(3))
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])
    monkeypatch.undo()
    write(sink, finding(3))
    close(sink)
    assert [row["sequence"] for row in parquet_rows(*sink._tables["finding"].files())] == [1, 2, 3]


CHILD = """
import asyncio, sys
from served import finding
from inversion.app.sinks.files import FilesSink
from pathlib import Path
sink = FilesSink(Path(sys.argv[1]), kinds=("finding",), rotate_mb=0.01)
number = int(sys.argv[2])
while True:
    asyncio.run(sink.write_records([finding(number + i) for i in range(3)]))
    number += 3
    print(number - 1, flush=True)
"""


def test_kill_9_at_random_moments_loses_no_acknowledged_row_and_leaves_no_half_one(tmp_path):
    rng, last = random.Random(7), 0
    for _ in range(8):
        command = [sys.executable, "-c", CHILD, tmp_path, str(last + 1)]
        process = subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True)
        for _ in range(rng.randint(2, 40)):
            last = int(process.stdout.readline())
        process.kill()
        last = max([last, *map(int, process.stdout.read().split())])
        process.wait()
        process.stdout.close()
    close(FilesSink(tmp_path, kinds=("finding",)))
    found = []
    for path in sorted(tmp_path.glob("*.csv")):
        head, *lines = list(csv.reader(path.read_text().splitlines()))
        assert {len(line) for line in lines} == {len(head)}
        found += [int(dict(zip(head, line, strict=True))["sequence"]) for line in lines]
    assert set(range(1, last + 1)) <= set(found)
    assert list(tmp_path.glob("*.open")) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "xlsx"}, "format must be csv or parquet"),
        ({"kinds": ()}, "kinds must be some of finding, alarm, event"),
        ({"rotate_mb": 0.0}, "rotate_mb must lie between"),
        ({"most_mb": 8.0}, "most_mb must be 0, or at least rotate_mb, 16, got 8"),
        ({"most_mb": -1.0}, "most_mb must lie between"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        FilesSink(tmp_path, **options)


def test_a_file_for_a_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="folder must be a folder, found the file"):
        FilesSink(tmp_path / "file")
