"""Limits on the real control groups of version 1 that this machine mounts; skipped where it has none."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from limited import BUSY, GREEDY, NEIGHBOR, WRITES, group_folders, inside, share_of_a_core, shares_of_a_core

from inversion.app.configuration import load_site
from inversion.app.gateway import run_gateway
from inversion.app.journal import open_journal
from inversion.app.limits import Limits, LimitsUnavailable, make_group
from inversion.app.limits.mounts import Mounts, find_mounts

SITES = Path(__file__).parents[1] / "integration"
sys.path.insert(0, str(SITES))
from gateway_site import children, worker_of, write_site  # noqa: E402
from test_gateway import install_model  # noqa: E402
from test_supervision import findings, running, wait_for  # noqa: E402


def usable() -> str:
    """Why there are no writable groups of version 1; empty where there are."""
    mounts = find_mounts()
    missing = {"cpu", "memory", "pids", "cpuset"} - set(mounts.by_controller)
    if missing:
        return f"control groups version 1 lack {', '.join(sorted(missing))} here (version {mounts.version})"
    locked = [name for name in ("cpu", "memory") if not os.access(mounts.by_controller[name], os.W_OK)]
    return f"no permission to make groups of {', '.join(locked)}" if locked else ""


pytestmark = pytest.mark.skipif(bool(usable()), reason=usable() or "usable")
NAME = f"inversion-{os.getpid()}"


@pytest.fixture
def group(request):
    made = make_group(request.param, NAME)
    yield made
    made.remove()


@pytest.mark.parametrize("group", [Limits(cpu="25%")], indirect=True)
def test_a_process_that_asks_for_more_gets_its_quota(group):
    """Within two points. That it got no less shows in the periods: it was stopped in them, its quota used."""
    with inside(group, BUSY) as process:
        share = share_of_a_core(process.pid, 2.0)
    assert share <= 0.27
    used = group.usage()
    assert used.throttled > 0.8 * used.periods > 40
    assert used.throttled_s > 0


@pytest.mark.parametrize("group", [Limits(cpu_weight=10, cpuset="0")], indirect=True)
def test_by_weight_a_neighbor_keeps_nine_tenths_of_a_core_that_both_want(group):
    """Of what the two get together: whoever else runs takes from both."""
    with inside(group, BUSY) as ours, subprocess.Popen([sys.executable, "-c", NEIGHBOR.format(core=0)]) as neighbor:
        theirs, own = shares_of_a_core([neighbor.pid, ours.pid], 4.0)
        neighbor.kill()
    assert theirs / (theirs + own) >= 0.895


@pytest.mark.parametrize("group", [Limits(memory="32MiB")], indirect=True)
def test_a_process_that_takes_more_memory_is_killed_and_counted(group):
    with inside(group, GREEDY) as process:
        assert process.wait(30) == -9
    used = group.usage()
    assert used.oom_kills == 1
    assert 31 * 2**20 < used.peak_bytes <= 32 * 2**20


@pytest.mark.parametrize("group", [Limits(memory="64MiB")], indirect=True)
def test_all_memory_is_charged_from_the_first_byte(group):
    """Version 1 does not move what was charged before: the peak must hold the whole interpreter."""
    hold = "import sys; print('up', flush=True); sys.stdin.read()"
    from inversion.app.limits import joined_command

    command = joined_command(group.joins, [sys.executable, "-c", hold])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        anonymous = [line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "RssAnon" in line]
        assert process.pid in group.members()
        peak = group.usage().peak_bytes
        process.stdin.close()
    assert peak >= 1024 * int(anonymous[0].split()[1]) * 0.95


@pytest.mark.parametrize("group", [Limits(pids=3, cpuset="0")], indirect=True)
def test_processes_and_cores_are_limited(group):
    program = "import os, sys\nprint(os.sched_getaffinity(0))\nfor i in range(9):\n    if not os.fork(): os.pause()"
    from inversion.app.limits import joined_command

    told = subprocess.run(joined_command(group.joins, [sys.executable, "-c", program]), capture_output=True, text=True)
    assert told.stdout.startswith("{0}")
    assert "BlockingIOError" in told.stderr


def test_the_groups_are_gone_afterwards_with_what_was_left_in_them():
    made = make_group(Limits(cpu="50%", memory="64MiB", pids=50), NAME)
    assert len(group_folders(NAME)) == 3 + (made.beside is not None)
    with inside(made, BUSY) as process:
        while process.pid not in made.members():
            assert process.poll() is None
        made.remove()
        assert process.wait(5) == -9
    assert group_folders(NAME) == []


def test_groups_of_a_gateway_that_was_killed_are_swept():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = find_mounts().by_controller["cpu"] / f"inversion-{ended.pid}"
    left.mkdir()
    make_group(Limits(cpu="50%"), NAME).remove()
    assert not left.exists()


def test_a_controller_that_is_absent_is_one_line():
    mounts = find_mounts()
    fewer = Mounts(None, frozenset(), {"memory": mounts.by_controller["memory"]})
    with pytest.raises(LimitsUnavailable, match=r"control groups \(version 1\) lack cpu; this process has memory"):
        make_group(Limits(cpu="5%", memory="32MiB"), NAME, fewer)
    assert group_folders(NAME) == []


def test_a_limit_that_the_kernel_refuses_leaves_nothing_behind():
    with pytest.raises(LimitsUnavailable, match=r"cpuset\.cpus"):
        make_group(Limits(cpu="50%", cpuset="0-4095"), NAME)
    assert group_folders(NAME) == []


LIMITED = """
[limits]
cpu = "50%"
memory = "{memory}"
pids = 64
"""


def events(site) -> list[tuple[str, str]]:
    with open_journal(site.journal, 0) as journal:
        return [(event.kind, event.text) for event in journal.events()]


def test_a_gateway_runs_its_worker_within_limits_and_says_what_it_used(tmp_path, acme):
    site = load_site(write_site(tmp_path, more=LIMITED.format(memory="256MiB")))
    assert asyncio.run(run_gateway(site, asyncio.Event())) == 0
    told = dict(events(site))
    assert told["limits"] == "limits: cpu 50%, memory 256MiB, pids 64, by control groups version 1"
    assert "0 killed for memory" in told["limits_used"]
    assert group_folders(NAME) == []


def test_a_worker_that_cannot_live_within_its_memory_is_told_apart(tmp_path, acme):
    path = write_site(tmp_path, more=LIMITED.format(memory="16MiB") + "\n")
    site = load_site(path)

    async def scenario() -> int:
        stop = asyncio.Event()
        running = asyncio.create_task(run_gateway(site, stop))
        await asyncio.wait((running,), timeout=20)
        stop.set()
        return await running

    with pytest.raises(Exception, match="needs more memory than its limit"):
        asyncio.run(scenario())
    assert group_folders(NAME) == []


@pytest.mark.parametrize("group", [Limits(memory="64MiB", cpu="50%")], indirect=True)
def test_what_a_process_shares_with_others_counts_against_its_memory(group):
    limit = find_mounts().by_controller["memory"] / NAME / "memory.limit_in_bytes"
    assert group.share(24 * 2**20 + 17)
    assert int(limit.read_text()) == 40 * 2**20 - 4096
    with inside(group, GREEDY) as process:
        assert process.wait(30) == -9
    assert 63 * 2**20 < group.usage().peak_bytes <= 64 * 2**20 + 4096
    assert not group.share(60 * 2**20)  # too little would be left
    assert int(limit.read_text()) == 40 * 2**20 - 4096
    assert group.share(0)
    assert int(limit.read_text()) == 64 * 2**20


HUNGRY = """
from dataclasses import dataclass
from pathlib import Path
from acme.model import Level

@dataclass(frozen=True)
class HungryLevel(Level):
    flag: Path = Path("hungry")

    def observe(self, frames):
        if self.flag.exists():
            self.flag.unlink()
            blocks = [bytearray(b"x" * 2**20) for _ in range(500)]
        return super().observe(frames)
"""


def test_memory_that_runs_out_ends_the_worker_and_not_its_template(tmp_path, plugin_folder, monkeypatch):
    install_model(tmp_path, "HungryLevel", "hungry", HUNGRY)
    monkeypatch.setenv("PYTHONPATH", f"{plugin_folder}{os.pathsep}{tmp_path}")
    path = write_site(tmp_path, windows=10_000, pause_s=0.02, more=LIMITED.format(memory="128MiB"))
    path.write_text(path.read_text().replace('"acme_level"', f'"hungry_level"\nflag = "{tmp_path / "hungry"}"'))
    with running(path) as gateway:
        (template,), worker = children(gateway.pid), worker_of(gateway.pid)
        memory = find_mounts().by_controller["memory"] / f"inversion-{gateway.pid}"
        assert memory.joinpath("cgroup.procs").read_text().split() == [str(worker)]
        limit = int(memory.joinpath("memory.limit_in_bytes").read_text())
        assert 64 * 2**20 < limit < 120 * 2**20  # the template's own memory is counted
        (tmp_path / "hungry").touch()
        wait_for(gateway, "needs more memory than its limit; started again")
        count = findings(tmp_path)
        while findings(tmp_path) <= count + 3:
            assert gateway.poll() is None
        assert children(gateway.pid) == [template]
        assert memory.joinpath("cgroup.procs").read_text().split() == [str(worker_of(gateway.pid))] != [str(worker)]


def test_where_limits_cannot_be_had_the_gateway_refuses_or_says_so(tmp_path, acme, monkeypatch):
    nothing = Mounts(None, frozenset(), {})
    monkeypatch.setattr("inversion.app.limits.group.find_mounts", lambda: nothing)
    path = write_site(tmp_path, more=LIMITED.format(memory="256MiB"))
    with pytest.raises(
        LimitsUnavailable, match=r"limits: cannot be had: .* lack cpu, memory, pids; .*required = false"
    ):
        asyncio.run(run_gateway(load_site(path), asyncio.Event()))
    path.write_text(path.read_text() + "required = false\n")
    site = load_site(path)
    assert asyncio.run(run_gateway(site, asyncio.Event())) == 0
    assert dict(events(site))["limits_missing"].startswith("limits: not in force: control groups (version none) lack")


def test_batch_within_limits_gives_the_same_results(tmp_path, acme):
    program = str(Path(sys.executable).with_name("inversion"))
    root = Path(__file__).parents[2]
    recording = tmp_path / "rec.npz"
    subprocess.run([program, "simulate", "--out", recording, "--seconds", "3"], check=True, capture_output=True)
    results = []
    for name, limits in (("free", []), ("limited", ["--cpu", "80%", "--memory=600MiB"])):
        words = ["batch", root / "configs/simulated.toml", recording, "--out", tmp_path / name, "--no-report", *limits]
        told = subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=120)
        assert told.returncode == 0, told.stderr
        results.append((tmp_path / name / "findings.jsonl").read_bytes())
    assert results[0] == results[1]
    told = subprocess.run([program, *map(str, words[:-3]), "--memory", "24MiB"], capture_output=True, text=True)
    assert told.returncode == 1
    assert "memory 24MiB is too little: a process was killed for it" in told.stderr
    told = subprocess.run([program, *map(str, words[:-3]), "--cpu", "fast"], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (2, "--cpu must be a share of one core such as '25%', got 'fast'\n")
    assert json.loads(results[0].splitlines()[0])["asset"]


@pytest.mark.parametrize("group", [Limits(cpu="25%")], indirect=True)
def test_pressure_is_told_where_version_2_is_mounted_beside(group):
    if group.beside is None or not (group.beside / "cpu.pressure").exists():
        pytest.skip("no version 2 with pressure (PSI) beside")
    with inside(group, BUSY) as process:
        for _ in range(20):  # the kernel's mean of ten seconds, which it makes anew every two, takes its time to rise
            share_of_a_core(process.pid, 1.0)
            told = group.usage().cpu_pressure
            if told > 0.1:
                break
    assert 0.1 < told <= 1.0


needs_throttle = pytest.mark.skipif(
    not Path("/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device").exists(),
    reason="no throttling of disks (blkio) here",
)


@needs_throttle
def test_a_process_that_writes_more_gets_its_rate(tmp_path):
    """Two MiB at one MiB a second; past the page cache, since version 1 does not throttle what others write back."""
    try:
        group = make_group(Limits(io="1MiB/s"), NAME, place=tmp_path)
    except LimitsUnavailable as problem:
        pytest.skip(str(problem))
    try:
        began = time.monotonic()
        with inside(group, WRITES, str(tmp_path / "file"), "32") as process:
            assert process.wait(30) == 0
        assert 1.5 < time.monotonic() - began < 6
    finally:
        group.remove()
