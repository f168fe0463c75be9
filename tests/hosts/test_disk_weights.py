"""A disk by rate and by weight on real control groups of version 2, on an ordinary kernel in an emulated machine."""

from __future__ import annotations

import json

import pytest
from emulated import ROOT, boot, module, reason

pytestmark = pytest.mark.skipif(bool(reason()), reason=reason() or "there")

WRITER = """
import mmap, os, sys
block = mmap.mmap(-1, 2**14)
disk = os.open("/dev/nvme0n1", os.O_WRONLY | os.O_DIRECT)
while True:
    for i in range(500):
        os.pwrite(disk, block, int(sys.argv[1]) + i * 2**14)
"""
#: Two groups write as fast as they can, past the page cache: the worker's and one that has the weight of everybody.
PROGRAM = """
import ctypes, json, os, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, {hosts!r})
sys.path.append({tests!r})
from limited import WRITES, inside
from inversion.app.limits import Limits, make_group

DISK, GROUPS, QUEUE = Path("/dev/nvme0n1"), Path("/sys/fs/cgroup"), Path("/sys/block/nvme0n1/queue")
WRITER = {writer!r}
(GROUPS / "cgroup.subtree_control").write_text("+io")
(GROUPS / "neighbor").mkdir()
seen = {{}}

def written(folder):
    lines = [line.split() for line in (folder / "io.stat").read_text().splitlines()]
    return sum(int(dict(word.split("=") for word in words[1:])["wbytes"]) for words in lines if len(words) > 1)

def share(weight):
    group = make_group(Limits(io_weight=weight), "inversion-1", place=DISK)
    neighbor = subprocess.Popen([sys.executable, "-c", WRITER, str(2**24)])
    (GROUPS / "neighbor" / "cgroup.procs").write_text(str(neighbor.pid))
    folders = [group.folder, GROUPS / "neighbor"]
    with inside(group, WRITER, "0"):
        time.sleep(3)
        before = [written(folder) for folder in folders]
        time.sleep(8)
        ours, others = (written(folder) - first for folder, first in zip(folders, before))
    neighbor.kill()
    neighbor.wait()
    group.remove()
    return ours / (ours + others)

try:
    make_group(Limits(io_weight=10), "inversion-1", place=DISK)
except Exception as problem:
    seen["refused"] = f"{{type(problem).__name__}}: {{problem}}"
seen["left"] = [each.name for each in GROUPS.iterdir() if each.name.startswith("inversion-")]

group = make_group(Limits(io="1MiB/s"), "inversion-1", place=DISK)
seen["io.max"] = (group.folder / "io.max").read_text()
began = time.monotonic()
with inside(group, WRITES, str(DISK), "64") as process:
    seen["wrote"] = process.wait(60)
seen["seconds"] = time.monotonic() - began
group.remove()

disk = f"{{os.major(DISK.stat().st_rdev)}}:{{os.minor(DISK.stat().st_rdev)}}"
costs = "rbps=2000000 rseqiops=100 rrandiops=100 wbps=2000000 wseqiops=100 wrandiops=100"
(GROUPS / "io.cost.model").write_text(f"{{disk}} ctrl=user model=linear {{costs}}")
(GROUPS / "io.cost.qos").write_text(f"{{disk}} enable=1 ctrl=user rpct=0 rlat=0 wpct=0 wlat=0 min=100 max=100")
seen["io.cost"] = {{weight: share(weight) for weight in (10, 100)}}
(GROUPS / "io.cost.qos").write_text(f"{{disk}} enable=0")

if Path("/bfq.ko").exists():
    code = Path("/bfq.ko").read_bytes()
    if ctypes.CDLL(None, use_errno=True).syscall(175, code, len(code), b""):  # init_module
        raise OSError("bfq.ko")
    (QUEUE / "scheduler").write_text("bfq")
    (QUEUE / "rotational").write_text("1")
    (QUEUE / "iosched" / "strict_guarantees").write_text("1")
    (QUEUE / "iosched" / "low_latency").write_text("0")
    seen["bfq"] = {{weight: share(weight) for weight in (10, 100)}}
    group = make_group(Limits(io_weight=10000), "inversion-1", place=DISK)
    seen["most"] = (group.folder / "io.bfq.weight").read_text()
    group.remove()
print("SEEN", json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> dict:
    program = PROGRAM.format(hosts=str(ROOT / "tests" / "hosts"), tests=str(ROOT), writer=WRITER)
    bfq = module("bfq")
    told = boot(tmp_path_factory.mktemp("machine"), program, disk_mb=64, more={"bfq.ko": bfq} if bfq else {})
    lines = [line for line in told.splitlines() if "SEEN " in line]
    assert lines, told[-3000:]
    return json.loads(lines[0].partition("SEEN ")[2])


def test_a_weight_that_nobody_heeds_is_refused_though_the_kernel_takes_it(seen):
    """`io.weight` is there and reads back as written, while two writers of weights 10 and 100 get half each."""
    assert seen["refused"].startswith("LimitsUnavailable: io_weight: nothing shares disk 259:0 by weight")
    assert "(its scheduler is none, io.cost is off): write bfq to " in seen["refused"]
    assert seen["left"] == []


def test_a_process_that_writes_more_gets_its_rate(seen):
    assert seen["io.max"].startswith("259:0 rbps=1048576 wbps=1048576 ")
    assert seen["wrote"] == 0
    assert 3.0 < seen["seconds"] < 10.0


def test_by_io_cost_a_tenth_of_the_weight_is_little_of_the_disk(seen):
    assert seen["io.cost"]["10"] < 0.25
    assert 0.35 < seen["io.cost"]["100"] < 0.65


def test_by_bfq_a_tenth_of_the_weight_is_little_of_the_disk(seen):
    if "bfq" not in seen:
        pytest.skip("no module bfq beside the kernel")
    assert seen["bfq"]["10"] < 0.2
    assert 0.35 < seen["bfq"]["100"] < 0.65
    assert seen["most"] == "default 1000\n"
