"""Sinks show or store findings whole, or say that they could not."""

from __future__ import annotations

import asyncio
import io
import json
import os
import resource

import pytest
from rich.console import Console

from inversion.app.appending import append
from inversion.app.sinks import console
from inversion.app.sinks.console import ConsoleSink, plain_line, table
from inversion.app.sinks.jsonl import JsonLinesSink


def finding(mean: float = 3.2, state: str = "active", resolvable: bool = True) -> dict:
    value = {"mean": mean, "low": mean - 0.2, "high": mean + 0.2, "level": 0.9, "unit": "mm", "floor": 0.7}
    alarm = {"name": "too wide", "parameter": "spall", "side": "above", "limit": 3.0, "unit": "mm"}
    return {
        "asset": "fan",
        "start": "2026-11-21T05:00:00.000000000Z",
        "start_ns": 0,
        "parameters": {"spall": value | {"resolvable": resolvable}},
        "track": None,
        "fit": {"quality": "good", "reduced_chi2": 1.0, "reason": ""},
        "alarms": [alarm | {"probability": 0.97, "state": state, "since_ns": 0}],
    }


def write(sink, *findings: dict) -> None:
    asyncio.run(sink.write(findings))


def test_lines_are_appended_in_a_folder_made_for_them(tmp_path):
    path = tmp_path / "new" / "findings.jsonl"
    write(JsonLinesSink(path), finding(1.0), finding(2.0))
    write(JsonLinesSink(path), finding(3.0))
    assert [json.loads(line) for line in path.read_text().splitlines()] == [finding(1.0), finding(2.0), finding(3.0)]


@pytest.mark.parametrize("whole", [b"", b'{"a":1}\n', b'{"a":1}\n' * 20_000])
@pytest.mark.parametrize("torn", [b"", b'{"b":', b"x" * 200_000])
def test_a_torn_last_line_is_cut_off(tmp_path, whole, torn):
    path = tmp_path / "findings.jsonl"
    path.write_bytes(whole + torn)
    append(path, b'{"c":3}\n')
    assert path.read_bytes() == whole + b'{"c":3}\n'


def test_a_full_disk_leaves_no_half_line(tmp_path):
    """The kernel takes a part of the write and refuses the rest, as it does when a disk runs full."""
    path = tmp_path / "findings.jsonl"
    write(JsonLinesSink(path), finding(1.0))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(JsonLinesSink(path), finding(2.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    write(JsonLinesSink(path), finding(2.0))
    assert len(path.read_bytes().splitlines()) == 2


def test_what_is_no_terminal_gets_a_line_a_finding(capsys):
    write(ConsoleSink(), finding(3.2), finding(3.3, "normal"))
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-21T05:00:00 fan: spall 3.2 mm (3 to 3.4 mm); too wide: active (P 0.970)",
        "2026-11-21T05:00:00 fan: spall 3.3 mm (3.1 to 3.5 mm); too wide: normal (P 0.970)",
    ]


def test_a_line_says_what_is_not_resolvable_and_what_is_bad():
    bad = finding(1.0, resolvable=False) | {"fit": {"quality": "bad", "reduced_chi2": None, "reason": "dead channel"}}
    bad["alarms"][0]["probability"] = None
    assert plain_line(bad) == (
        "2026-11-21T05:00:00 fan: spall not resolvable, below 1.2 mm; too wide: active (P unknown); bad: dead channel"
    )


def test_a_folder_is_refused_at_the_start(tmp_path):
    with pytest.raises(ValueError, match=f"path must be a file, found the folder {tmp_path}"):
        JsonLinesSink(tmp_path)


def test_a_line_keeps_to_what_is_resolvable_or_has_a_limit():
    many = finding(resolvable=False)
    many["parameters"] |= dict.fromkeys(("inner", "ball"), many["parameters"]["spall"])
    limit_only = "2026-11-21T05:00:00 fan: spall not resolvable, below 3.4 mm; too wide: active (P 0.970)"
    assert plain_line(many) == limit_only
    assert plain_line(many | {"alarms": []}) == "2026-11-21T05:00:00 fan: nothing resolvable"
    many["parameters"] |= {"ball": finding()["parameters"]["spall"]}
    assert plain_line(many | {"alarms": []}) == "2026-11-21T05:00:00 fan: ball 3.2 mm (3 to 3.4 mm)"


def test_a_row_that_says_nothing_is_dim():
    said = finding(resolvable=False)
    said["parameters"] |= {"ball": said["parameters"]["spall"]}
    assert [row.style for row in table([said]).rows] == [None, "dim"]


def test_a_reader_that_has_gone_is_no_failure(monkeypatch):
    """As in `inversion run site.toml | head`, which would else be tried again for ever."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        monkeypatch.setattr("sys.stdout", out)
        write(ConsoleSink(), finding())
        write(ConsoleSink(), finding())


def test_the_table_has_a_row_a_parameter_with_its_alarm():
    out = io.StringIO()
    Console(file=out, width=120).print(table([finding()]))
    row = next(line for line in out.getvalue().splitlines() if "fan" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "fan",
        "spall",
        "3.2 mm",
        "3 to 3.4 mm",
        "> 3 mm",
        "0.970",
        "active",
        "",
    ]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (3.21, 8.0, "3.2 to 8 d"),
        (3.21, None, "3.2 d or later"),
        (None, None, "no crossing foreseen"),
        (0.0, 0.5, "0 to 12 h"),
        (1e-5, 3e-5, "0.86 to 2.6 s"),
        (0.0, 0.0, ""),
    ],
)
def test_the_time_to_the_limit_is_told_in_the_unit_that_suits_it(low, high, said):
    time = {"alarm": "too wide", "mean": low, "low": low, "high": high, "level": 0.9, "unit": "d"}
    tracked = finding()
    tracked["track"] = {"spall": tracked["parameters"]["spall"] | {"time_to_limit": [time]}}
    assert plain_line(tracked).endswith(f"active (P 0.970), {said}" if said else "active (P 0.970)")


def test_a_terminal_gets_one_live_table_and_is_left_as_it_was(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(console, "Console", lambda: Console(file=out, width=100, force_terminal=True))
    sink = ConsoleSink()
    write(sink, finding(3.2))
    write(sink, finding(3.4))
    asyncio.run(sink.close())
    drawn = out.getvalue()
    assert drawn.index("3.2 mm") < drawn.index("3.4 mm")
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h") == 1  # the cursor is hidden once, and shown again
