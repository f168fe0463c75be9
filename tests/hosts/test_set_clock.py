"""A real clock that is really set, on a machine of its own: a box that starts in 1970, learns the time, and is set."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from machine import REASON, ROOT, boot

from benchmarks.chaos_box import in_order, live, unbalanced

JOURNAL = '[journal]\npath = "/run/out/live.journal"'
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "installed")

SITE = (
    live("live", 0.02).replace('"findings.jsonl"', '"/run/out/findings.jsonl"').replace("[journal]", JOURNAL)
    + '[observe]\nlisten = "127.0.0.1:9464"\n'
)

#: Runs in the machine: sets its clock as root does, and tells its kernel what an NTP daemon tells it.
PROGRAM = """
import ctypes, json, subprocess, sys, time, urllib.request
from pathlib import Path
from inversion.app.clock.kernel import _Timex, synchronized

OUT = Path("/run/out")
TRUE_S = 1_790_000_000
seen = {"asked": [synchronized()]}

def keep():
    told = _Timex(modes=0x0010 | 0x0004, status=0, maxerror=5000)  # ADJ_STATUS, ADJ_MAXERROR
    ctypes.CDLL(None).adjtimex(ctypes.byref(told))

def lines():
    path = OUT / "findings.jsonl"
    return path.read_text().count("\\n") if path.exists() else 0

def more(count):
    wanted, end = lines() + count, time.monotonic() + 60
    while lines() < wanted and time.monotonic() < end:
        time.sleep(0.05)

def trusted():
    page = urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=20).read().decode()
    return [line for line in page.splitlines() if line.startswith("inversion_clock_")]

time.clock_settime(time.CLOCK_REALTIME, 60)
command = [sys.executable, "-c", "from inversion.app.cli import main; main()", "run", sys.argv[1]]
with (OUT / "gateway.txt").open("w") as log:
    gateway = subprocess.Popen(command, stderr=log)
more(10)
seen["metrics"] = [trusted()]
time.clock_settime(time.CLOCK_REALTIME, TRUE_S)
seen["asked"].append(synchronized())
keep()
seen["asked"].append(synchronized())
more(10)
seen["metrics"].append(trusted())
for by_s in (-600, 1200, -600):
    time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME) + by_s)
    more(10)
seen["asked"].append(synchronized())
keep()
more(10)
gateway.terminate()
seen["code"] = gateway.wait(60)
(OUT / "seen.json").write_text(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory, plugin_folder) -> Path:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "live.toml").write_text(SITE)
    (folder / "program.py").write_text(PROGRAM)
    script = f"{sys.executable} {folder / 'program.py'} {folder / 'live.toml'} > /run/out/program.txt 2>&1"
    out = boot(folder, script, environment=f"PYTHONPATH={ROOT}:{plugin_folder} OMP_NUM_THREADS=1", timeout_s=150)
    told = "".join((out / name).read_text() for name in ("program.txt", "gateway.txt") if (out / name).exists())
    assert (out / "seen.json").exists(), told or (out / "console.txt").read_text()
    return out


@pytest.fixture(scope="module")
def seen(machine) -> dict:
    return json.loads((machine / "seen.json").read_text()) | {"told": (machine / "gateway.txt").read_text()}


@pytest.fixture(scope="module")
def entries(machine) -> list:
    from inversion.app.journal import read_journal

    with read_journal(machine / "live.journal") as journal:
        assert unbalanced(journal) == []
        return journal.after(0, 100_000)


def test_the_kernel_tells_whether_something_keeps_the_clock(seen):
    """Not at first, not when it is set by hand, but once a daemon has said so."""
    assert seen["asked"] == [False, False, True, False]


def test_it_is_shown(seen):
    assert seen["metrics"][0] == ["inversion_clock_trusted 0", "inversion_clock_steps_total 0"]
    assert seen["metrics"][1] == ["inversion_clock_trusted 1", "inversion_clock_steps_total 1"]
    steps = [line.split("clock: ")[1] for line in seen["told"].splitlines() if "clock: " in line]
    assert steps[0] == "not synchronized"
    assert [step for step in steps if "set " in step][1:] == [
        "set back by 10.0 min, not synchronized",
        "set forward by 20.0 min",
        "set back by 10.0 min",
    ]


def test_findings_are_told_at_once_and_say_that_their_time_is_not_known(machine):
    told = [json.loads(line) for line in (machine / "findings.jsonl").read_text().splitlines()]
    assert told[0]["start"].startswith("1970-01-01T00:01:")
    assert not told[0]["clock_trusted"]
    assert any(body["clock_trusted"] and body["start"].startswith("2026-") for body in told)
    assert in_order(told)


def test_nothing_is_lost_or_reordered_and_all_times_are_corrected(seen, entries):
    assert seen["code"] == 0
    findings = [entry.body for entry in entries if entry.kind == "finding"]
    assert len(findings) >= 60
    assert in_order(findings)
    late = [body for body in findings if not body["clock_trusted"]]
    assert late == []
    starts = [body["start_ns"] for body in findings]
    assert starts == sorted(starts)
    assert 1_789_999_900 < starts[0] / 1e9 < 1_790_000_000 < starts[-1] / 1e9 < 1_790_000_300
    assert findings[0]["revision"] == 1


def test_no_delay_feels_a_step(entries):
    states = [alarm["state"] for entry in entries if entry.kind == "finding" for alarm in entry.body["alarms"]]
    assert set(states) == {"pending"}
