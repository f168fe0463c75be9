"""What reaches the disk for a journalled finding, the file system's own writes included.

    python -m benchmarks.journal_device [SECONDS]

`python -m benchmarks.journal` counts what a process sends toward the device; a file system adds its own: inodes, its
journal. Here a machine of its own (user-mode Linux, as in tests/hosts/test_power_cut.py) has a disk with ext4 on which
nothing but a journal lies, and the sectors that were written to this disk are counted (`/sys/block/ubda/stat`), in real
time at a window an asset and second, once the write-ahead log has its full length; it is folded back before and after.
Bar: 2 kB.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.journal import said

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "hosts"))
from machine import REASON, booted  # noqa: E402

#: Assets, and findings in a commit: 1 and 8 assets as a site has it that says nothing, and 8 every half second.
_CASES = ((1, 1), (1, 4), (8, 4), (8, 8), (64, 32))
_PROGRAM = """
import json, os, sys, time
from pathlib import Path
from inversion.app.journal import Batch, Record, open_journal

told, seconds = json.loads(Path({told!r}).read_text()), {seconds}

def sectors():
    os.sync()
    return int(Path("/sys/block/ubda/stat").read_text().split()[6])

def appended(journal, first, count, assets):
    chosen = [told[i % len(told)] for i in range(first, first + count)]
    due = {{f["asset"]: s for i, (f, s) in enumerate(chosen, first) if i // assets % 60 == 0}}
    records = [Record("finding", f["asset"], f["start_ns"], f) for f, _ in chosen]
    journal.append(Batch(records, states=due, cursors={{"sink": first}}))

for assets, count in {cases!r}:
    path = Path("/run/disk/site.journal")
    with open_journal(path, 0) as journal:
        for first in range(0, 20_000, 64):
            appended(journal, first, 64, 64)
        fold = "PRAGMA wal_checkpoint(RESTART)"
        journal.connection.execute(fold)
        commits = max(1, round(seconds * assets / count))
        began, before = time.monotonic(), sectors()
        for i in range(commits):
            appended(journal, 20_000 + i * count, count, assets)
            time.sleep(max(0.0, began + (i + 1) * count / assets - time.monotonic()))
        journal.connection.execute(fold)
        written = 512 * (sectors() - before)
        print(json.dumps([assets, count, written / (commits * count)]), flush=True)
    path.unlink()
"""
_SCRIPT = """
mkdir /run/disk
mount -t ext4 /dev/ubda /run/disk
{python} /run/out/program.py > /run/out/told.txt 2>&1
"""


def main() -> int:
    """Prints a line a case; 1 where eight assets miss the bar as a site has them that says nothing."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if REASON or mkfs is None:
        print(REASON or "mkfs.ext4 is not installed (Debian: e2fsprogs)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        told = folder / "told.json"
        told.write_text(json.dumps(said(folder, 0.125), default=dict))
        disk = folder / "disk.img"
        with disk.open("wb") as file:
            file.truncate(256 * 2**20)
        subprocess.run([mkfs, "-q", "-F", str(disk)], check=True)
        program = folder / "program.py"
        program.write_text(_PROGRAM.format(told=str(told), seconds=seconds, cases=_CASES))
        script = _SCRIPT.format(python=sys.executable).replace("/run/out/program.py", str(program))
        environment = f"PYTHONPATH={ROOT} OMP_NUM_THREADS=1"
        with booted(folder, script, environment=environment, more=[f"ubd0={disk}"]) as machine:
            machine.wait(120 + 2 * seconds * len(_CASES))
        lines = (folder / "out" / "told.txt").read_text().splitlines()
    try:
        found = [json.loads(line) for line in lines]
    except ValueError:
        print("\n".join(lines), file=sys.stderr)
        return 1
    for assets, count, written in found:
        print(f"{assets:3} assets, {count:2} a commit: {written:6.0f} bytes reached the disk for a finding")
    return int(not any((assets, count) == (8, 8) and written <= 2000 for assets, count, written in found))


if __name__ == "__main__":
    sys.exit(main())
