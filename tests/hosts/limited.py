"""What the tests on real hosts share: a site with limits, and a process that asks for as much as it can get."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

from inversion.app.limits import Group, joined_command

BUSY = "import time\nwhile True: pass"
#: On one core, as important as any process is that nobody has made less so.
NEIGHBOR = "import os\nos.setpriority(os.PRIO_PROCESS, 0, 0)\nos.sched_setaffinity(0, {{{core}}})\n" + BUSY
WRITES = """
import mmap, os, sys
block = mmap.mmap(-1, 2**16)
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_DIRECT)
for _ in range(int(sys.argv[2])):
    os.write(file, block)
"""
GREEDY = "import sys\nblocks = []\nwhile True: blocks.append(b'x' * 2**20)"


@contextmanager
def inside(group: Group, program: str, *words: str):
    """A process in the group that runs this program."""
    process = subprocess.Popen(joined_command(group.joins, [sys.executable, "-c", program, *words]))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, s: utime and stime of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share_of_a_core(pid: int, seconds: float) -> float:
    """CPU time a second of a running process."""
    return shares_of_a_core([pid], seconds)[0]


def shares_of_a_core(pids: Sequence[int], seconds: float) -> list[float]:
    """The same of several, over the same time."""
    before, began = [cpu_seconds(pid) for pid in pids], time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    return [(cpu_seconds(pid) - first) / elapsed for pid, first in zip(pids, before, strict=True)]


def group_folders(name: str = "inversion-*") -> list[Path]:
    """Groups of ours that exist anywhere."""
    return [path for path in Path("/sys/fs/cgroup").rglob(name) if path.is_dir()]
