"""The power fails under load: what a sink has been given is in the journal that the disk holds.

A gateway runs in a machine of its own, its journal on a disk of its own. That machine is stopped between two
instructions, and what its disk holds at that moment is copied: nothing that it only meant to write is in it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from machine import REASON, ROOT, booted

from inversion.app.journal import open_journal

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from gateway_site import write_site

TOOLS = ("mkfs.ext4", "e2fsck", "debugfs")
SBIN = f"{os.environ['PATH']}:/usr/sbin:/sbin"
MISSING = [tool for tool in TOOLS if shutil.which(tool, path=SBIN) is None]
WHY = REASON or (f"{', '.join(MISSING)} not installed (Debian: e2fsprogs)" if MISSING else "")
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "installed")

CUTS = int(os.environ.get("POWER_CUTS", "4"))
#: Beside the gateway, on a second disk, writes a program that syncs less than it should.
SCRIPT = """
echo 0 > /proc/sys/vm/dirty_writeback_centisecs
mkdir /run/disk /run/careless
mount -t ext4 -o commit=600 /dev/ubda /run/disk
mount -t ext4 -o commit=600 /dev/ubdb /run/careless
{python} {careless} &
{python} -c "from inversion.app.cli import main; main()" run {site} 2> /run/out/gateway.txt
"""
CARELESS = """
import os, sqlite3, time
connection = sqlite3.connect("/run/careless/rows.db", isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = NORMAL")
connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY)")
os.sync()
told = os.open("/run/out/careless.txt", os.O_CREAT | os.O_WRONLY)
while True:
    connection.execute("INSERT INTO row VALUES (NULL)")
    os.write(told, b"x")
    os.fsync(told)
    time.sleep(0.1)
"""
MORE = """
[journal]
path = "/run/disk/tone.journal"
commit_s = 0.05
"""


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """A tool for disks, which may be where only root looks."""
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, env={**os.environ, "PATH": SBIN})


@dataclass(frozen=True)
class Cut:
    """What had been told when the power failed, and what the two disks held.

    had: windows that the sink had; disk: folder with what was on the gateway's
    careless_had: rows that the careless program had written; careless: what was on its disk
    """

    had: list[int]
    disk: Path
    careless_had: int
    careless: Path


@pytest.fixture(scope="module")
def cuts(tmp_path_factory, plugin_folder) -> list[Cut]:
    folder = tmp_path_factory.mktemp("power")
    site = write_site(folder, windows=100_000, pause_s=0.002, more=MORE)
    site.write_text(site.read_text().replace("findings.jsonl", "/run/out/findings.jsonl"))
    (folder / "careless.py").write_text(CARELESS)
    disks = [empty_disk(folder / f"{name}.img") for name in ("disk", "careless")]
    script = SCRIPT.format(python=sys.executable, site=site, careless=folder / "careless.py")
    environment = f"PYTHONPATH={ROOT}:{plugin_folder} OMP_NUM_THREADS=1"
    taken, told = (folder / "out" / name for name in ("findings.jsonl", "careless.txt"))
    found = []
    words = [f"ubd{i}={disk}" for i, disk in enumerate(disks)]
    with booted(folder, script, environment=environment, more=words) as machine:
        for i in range(CUTS):
            more_than(taken, found[-1][0][-1] + 15 * (i + 1) if found else 10, folder)
            with stopped(machine.pid):
                had = [json.loads(line)["position"] for line in whole_lines(taken)]
                copies = [shutil.copyfile(disk, folder / f"{disk.stem}{i}.img") for disk in disks]
                found.append((had, copies, told.stat().st_size))
    return [Cut(had, content(disk), rows, content(careless)) for had, (disk, careless), rows in found]


def empty_disk(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(32 * 2**20)
    made = run("mkfs.ext4", "-q", "-F", path)
    assert made.returncode == 0, made.stderr
    return path


def whole_lines(path: Path) -> list[bytes]:
    return path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else []


def more_than(path: Path, count: int, folder: Path) -> None:
    """Waits for so many lines."""
    end = time.monotonic() + 100
    while len(whole_lines(path)) <= count:
        told = folder / "out" / "gateway.txt"
        assert time.monotonic() < end, told.read_text() if told.exists() else "the machine did not start"
        time.sleep(0.01)


@contextmanager
def stopped(pid: int):
    """The machine stands still: its kernel, and the process that does its input and output."""
    own = [pid, *(process for process in children(pid) if not traced(process))]
    for process in own:
        os.kill(process, signal.SIGSTOP)
    for process in own:
        while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)
    try:
        yield
    finally:
        for process in reversed(own):
            os.kill(process, signal.SIGCONT)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]


def traced(pid: int) -> bool:
    """Whether it is one of the processes in which the machine runs its programs: those only run when they are let."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("TracerPid")).split()[1] != "0"


def content(image: Path) -> Path:
    """What is on a disk after its journal was replayed, as at the next start."""
    checked = run("e2fsck", "-fy", image)
    assert checked.returncode in (0, 1), checked.stdout + checked.stderr
    folder = image.with_suffix("")
    folder.mkdir()
    run("debugfs", "-R", f"rdump / {folder}", image)
    return folder


def test_nothing_that_a_sink_was_given_is_lost(cuts):
    for cut in cuts:
        with open_journal(cut.disk / "tone.journal", time.time_ns()) as journal:
            kept = [entry.body["position"] for entry in journal.after(0, 1_000_000) if entry.kind == "finding"]
            assert [event for event in journal.events() if event.kind == "journal_damaged"] == []
            standings = journal.standings()
        assert cut.had == list(range(len(cut.had)))
        assert kept == list(range(len(kept)))
        assert len(kept) >= len(cut.had) > 10
        assert all(s.produced == s.delivered + s.buffered + s.dropped and s.dropped == 0 for s in standings)
    assert len({len(cut.had) for cut in cuts}) == CUTS


def test_a_journal_that_synced_less_would_lose_rows(cuts):
    """So the test before can fail."""
    last = cuts[-1]
    connection = sqlite3.connect(last.careless / "rows.db")
    rows = connection.execute("SELECT count(*) FROM row").fetchone()[0]
    connection.close()
    assert last.careless_had > 3
    assert rows < last.careless_had
