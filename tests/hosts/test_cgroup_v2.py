"""Limits on real control groups of version 2, in user-mode Linux: one machine is booted; what it wrote is judged."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from machine import REASON, ROOT, boot

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from gateway_site import write_site

pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "installed")

#: Runs in the machine: uses the package as any program would, and writes what it saw as JSON.
PROGRAM = """
import json, os, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, {hosts!r})
from limited import BUSY, GREEDY, WRITES, inside, share_of_a_core
from inversion.app.limits import Limits, LimitsUnavailable, make_group
from inversion.app.limits.mounts import find_mounts

seen = {{"version": find_mounts().version}}
group = make_group(Limits(cpu="25%"), "inversion-%d" % os.getpid())
with inside(group, BUSY) as process:
    while process.pid not in group.members():
        time.sleep(0.01)
    seen["share"] = share_of_a_core(process.pid, 2.0)
seen["cpu"] = vars(group.usage())
group.remove()
group = make_group(Limits(memory="32MiB", pids=20), "inversion-%d" % os.getpid())
with inside(group, GREEDY) as process:
    seen["greedy"] = process.wait(60)
seen["memory"] = vars(group.usage())
group.remove()
group = make_group(Limits(cpu_weight=10), "inversion-%d" % os.getpid())
neighbor = subprocess.Popen([sys.executable, "-c", BUSY])
with inside(group, BUSY) as process:
    seen["weighed"] = share_of_a_core(process.pid, 2.0)
neighbor.kill()
group.remove()
os.mknod("/run/disk", 0o600 | 0o060000, os.makedev(98, 0))
group = make_group(Limits(io="1MiB/s"), "inversion-%d" % os.getpid(), place=Path("/run/disk"))
seen["io.max"] = (group.folder / "io.max").read_text()
began = time.monotonic()
with inside(group, WRITES, "/run/disk", "32") as process:
    seen["wrote"] = process.wait(60)
seen["seconds"] = time.monotonic() - began
group.remove()
seen["refused"] = {{}}
for name, limits in (("io", Limits(io="1MiB/s")), ("cpuset", Limits(cpuset="0")), ("weight", Limits(io_weight=10))):
    try:
        place = Path("/run/disk" if name == "weight" else "/run")
        make_group(limits, "inversion-%d" % os.getpid(), place=place).remove()
    except LimitsUnavailable as problem:
        seen["refused"][name] = str(problem)
seen["pressure"] = os.path.exists("/proc/pressure")
seen["left"] = [name for name in os.listdir("/sys/fs/cgroup") if name.startswith("inversion-")]
open("/run/out/seen.json", "w").write(json.dumps(seen))
"""

#: As root in a group that is not the root: what systemd's Delegate=yes gives.
DELEGATED = """
mkdir /sys/fs/cgroup/service /sys/fs/cgroup/crowd
cd /run/out
sh -c 'echo $$ > /sys/fs/cgroup/service/cgroup.procs; exec {python} {command} run {site}' 2> /run/out/gateway.txt
echo $? > /run/out/code.txt
sh -c 'echo $$ > /sys/fs/cgroup/crowd/cgroup.procs; {python} {command} run {site}; true' 2> /run/out/crowd.txt
find /sys/fs/cgroup/service -mindepth 1 -type d > /run/out/left.txt
"""

LIMITS = """
[limits]
cpu = "60%"
memory = "200MiB"
pids = 64
[journal]
path = "/run/out/tone.journal"
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory, plugin_folder) -> Path:
    folder = tmp_path_factory.mktemp("machine")
    site = write_site(folder, more=LIMITS)
    site.write_text(site.read_text().replace("findings.jsonl", "/run/out/findings.jsonl"))
    (folder / "program.py").write_text(PROGRAM.format(hosts=str(ROOT / "tests" / "hosts")))
    command = '-c "from inversion.app.cli import main; main()"'
    run = DELEGATED.format(python=sys.executable, site=site, command=command)
    script = f"{sys.executable} {folder / 'program.py'} > /run/out/program.txt 2>&1\n{run}"
    return boot(folder, script, environment=f"PYTHONPATH={ROOT}:{plugin_folder} OMP_NUM_THREADS=1", disk_mb=8)


@pytest.fixture(scope="module")
def seen(machine) -> dict:
    told = machine / "program.txt"
    assert (machine / "seen.json").exists(), (
        told.read_text() if told.exists() else (machine / "console.txt").read_text()
    )
    return json.loads((machine / "seen.json").read_text())


def test_version_2_is_found(seen):
    assert seen["version"] == "2"


def test_a_process_that_asks_for_more_gets_its_quota(seen):
    assert seen["share"] == pytest.approx(0.25, abs=0.02)
    assert seen["cpu"]["throttled"] > 0.8 * seen["cpu"]["periods"] > 40


def test_a_process_that_takes_more_memory_is_killed_and_counted(seen):
    assert (seen["greedy"], seen["memory"]["oom_kills"]) == (-9, 1)
    assert 31 * 2**20 < seen["memory"]["peak_bytes"] <= 32 * 2**20


def test_by_weight_a_neighbor_keeps_nine_tenths(seen):
    assert seen["weighed"] <= 0.12


def test_a_process_that_writes_more_gets_its_rate(seen):
    assert seen["io.max"].startswith("98:0 rbps=1048576 wbps=1048576 ")
    assert seen["wrote"] == 0
    assert 1.5 < seen["seconds"] < 6


def test_what_this_kernel_lacks_is_refused_with_one_line(seen):
    """Its kernel has no `cpuset`, pressure, or weights of disks (`test_pressure.py`, `test_disk_weights.py` have)."""
    assert seen["refused"]["io"].startswith("io: /run lies on no disk of this machine (device 0:")
    assert seen["refused"]["cpuset"].startswith("control groups (version 2) lack cpuset; this process has ")
    assert seen["refused"]["weight"].startswith("io_weight: nothing shares disk 98:0 by weight (its scheduler is ")
    assert not seen["pressure"]


def test_the_groups_are_gone_afterwards(seen):
    assert seen["left"] == []


def test_a_gateway_in_a_delegated_group_makes_room_and_runs_its_worker_in_limits(machine):
    told = (machine / "gateway.txt").read_text()
    assert (machine / "code.txt").read_text() == "0\n", told
    assert "limits: cpu 60%, memory 200MiB, pids 64, by control groups version 2" in told
    assert "0 killed for memory" in told
    assert len((machine / "findings.jsonl").read_text().splitlines()) == 8
    assert (machine / "left.txt").read_text().split() == ["/sys/fs/cgroup/service/gateway"]


def test_in_a_group_with_other_processes_it_refuses_with_one_line(machine):
    told = (machine / "crowd.txt").read_text()
    assert "limits: cannot be had: /sys/fs/cgroup/crowd: other processes are in this group" in told
    assert told.count("\n") == 1
