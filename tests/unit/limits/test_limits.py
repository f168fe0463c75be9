"""Limits in people's words, and where control groups are, from what the kernel writes in /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from inversion.app.limits import Limits, LimitsUnavailable, Usage, joined_command
from inversion.app.limits.command import without
from inversion.app.limits.disk import bfq_weight, disk_of, weighs
from inversion.app.limits.files import NotInForce, pressure, set_cores
from inversion.app.limits.mounts import find_mounts


def test_words_become_numbers():
    limits = Limits(cpu="25%", memory="128MiB", pids=32)
    assert limits.quota_us == (5000, 20_000)
    assert limits.memory_bytes == 128 * 2**20
    assert limits.told() == "cpu 25%, memory 128MiB, pids 32"
    assert Limits(cpu="150 %", period_ms=100).quota_us == (150_000, 100_000)
    assert not Limits().any


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cpu": "25"}, "cpu must be a share of one core such as '25%', got '25'"),
        ({"cpu": "0%"}, "cpu must be a share"),
        ({"memory": "128 MeB"}, "memory must be a size such as '128MiB', got '128 MeB'"),
        ({"memory": "1MiB"}, "memory must be at least 16MiB, got '1MiB'"),
        ({"pids": 0}, "pids must lie between 1 and 4194304, got 0"),
        ({"cpu": "4%"}, "cpu must be at least 1 ms of each period, 5% of 20 ms, got '4%'"),
        ({"cpu": "0.5%", "period_ms": 100}, "1% of 100 ms, got '0.5%'; a longer period_ms takes less"),
        ({"cpuset": "all"}, "cpuset must be cores such as '0' or '0-1,3', got 'all'"),
        ({"cpu_weight": 0}, "cpu_weight must lie between 1 and 10000, got 0"),
        ({"period_ms": 0.1}, "period_ms must lie between 1 and 1000, got 0.1"),
    ],
)
def test_what_is_no_limit_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        Limits(**change)


def proc(folder: Path, mountinfo: str, cgroup: str) -> Path:
    (folder / "mountinfo").write_text(mountinfo)
    (folder / "cgroup").write_text(cgroup)
    return folder


def test_version_1_by_controller(tmp_path):
    mountinfo = (
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:5 - cgroup cgroup rw,memory\n"
        "22 1 0:20 / /proc rw - proc proc rw\n"
    )
    found = find_mounts(proc(tmp_path, mountinfo, "4:memory:/box/a\n1:cpu,cpuacct:/\n"))
    assert found.version == "1"
    assert found.by_controller["memory"] == Path("/sys/fs/cgroup/memory/box/a")
    assert found.by_controller["cpu"] == Path("/sys/fs/cgroup/cpu,cpuacct")


def test_in_a_container_the_path_is_seen_from_what_is_mounted(tmp_path):
    mountinfo = "32 31 0:29 /docker/1 /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    found = find_mounts(proc(tmp_path, mountinfo, "1:cpu:/docker/1/inner\n"))
    assert found.by_controller["cpu"] == Path("/sys/fs/cgroup/cpu/inner")


def test_version_2_and_hybrid(tmp_path):
    unified = tmp_path / "unified"
    (unified / "system.slice").mkdir(parents=True)
    (unified / "system.slice" / "cgroup.controllers").write_text("cpu memory pids\n")
    line = f"41 31 0:38 / {unified} rw,relatime - cgroup2 cgroup2 rw\n"
    found = find_mounts(proc(tmp_path, line, "0::/system.slice\n"))
    assert (found.version, found.unified) == ("2", unified / "system.slice")
    assert found.controllers == {"cpu", "memory", "pids"}
    cpu = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    assert find_mounts(proc(tmp_path, line + cpu, "1:cpu:/\n0::/\n")).version == "1 and 2 (hybrid)"
    assert find_mounts(proc(tmp_path, "", "0::/\n")).version == "none"


def test_usage_for_people():
    used = Usage(periods=300, throttled=12, throttled_s=0.25, peak_bytes=96 * 2**20)
    assert used.told() == "12 of 300 periods throttled (0.2 s), memory peak 96 MiB, 0 killed for memory"
    assert "memory peak unknown" in Usage().told()


def test_pressure_is_read_where_there_is_any(tmp_path):
    (tmp_path / "p").write_text("some avg10=12.50 avg60=1.00 avg300=0.10 total=5\nfull avg10=0.00\n")
    assert pressure(tmp_path / "p") == 0.125
    assert pressure(tmp_path / "absent") is None


def test_the_command_joins_and_then_is_the_command(tmp_path):
    import subprocess

    joins = [tmp_path / "a b", tmp_path / "c"]
    for join in joins:
        join.touch()
    told = subprocess.run(joined_command(joins, ["/bin/sh", "-c", 'echo $$ "$1"', "sh", "x  y"]), capture_output=True)
    pid, _, words = told.stdout.decode().strip().partition(" ")
    assert words == "x  y"
    assert [join.read_text().strip() for join in joins] == [pid, pid]
    assert joined_command([], ["a"]) == ["a"]
    assert subprocess.run(joined_command([tmp_path / "no" / "way"], ["true"]), capture_output=True).returncode == 125


def test_the_limits_are_taken_off_the_command_line():
    words = ["batch", "--cpu", "5%", "site.toml", "--memory=1GiB", "--out", "x"]
    assert without(words) == ["batch", "site.toml", "--out", "x"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"io": "fast"}, "io must be a rate such as '10MB/s', got 'fast'"),
        ({"io": "10MB"}, "io must be a rate such as '10MB/s', got '10MB'"),
        ({"io": "1kB/s"}, "io must be at least 64KiB/s, got '1kB/s'"),
        ({"cpu_weight": 0}, "cpu_weight must lie between 1 and 10000, got 0"),
        ({"io_weight": 10001}, "io_weight must lie between 1 and 10000, got 10001"),
    ],
)
def test_rates_and_weights_that_are_none(wrong, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        Limits(**wrong)


def test_a_path_in_memory_lies_on_no_disk():
    with pytest.raises(
        LimitsUnavailable, match=r"^io: /proc lies on no disk of this machine \(device 0:\d+\); io_disk"
    ):
        disk_of(Path("/proc/not/there"))


def test_the_disk_of_a_partition_is_meant(tmp_path):
    here = tmp_path.stat().st_dev
    named = f"{os.major(here)}:{os.minor(here)}"
    disk = tmp_path / "disk"
    (disk / "part").mkdir(parents=True)
    (disk / "dev").write_text("8:0\n")
    (disk / "part" / "partition").write_text("1\n")
    devices = tmp_path / "devices"
    devices.mkdir()
    (devices / named).symlink_to(disk / "part")
    if os.major(here) == 0:
        pytest.skip("the tests' folder lies on no disk")
    assert disk_of(tmp_path, devices) == "8:0"
    (disk / "part" / "partition").unlink()
    assert disk_of(tmp_path, devices) == named


def test_what_shares_a_disk_by_weight(tmp_path):
    """The group's file of a weight says nothing of that."""
    devices, root = tmp_path / "devices", tmp_path / "cgroup"
    (devices / "8:0" / "queue").mkdir(parents=True)
    scheduler = devices / "8:0" / "queue" / "scheduler"
    group = root / "service" / "inversion-1"
    group.mkdir(parents=True)
    scheduler.write_text("mq-deadline kyber [bfq] none\n")
    assert weighs("8:0", group, devices) == "bfq"
    scheduler.write_text("[mq-deadline] kyber bfq none\n")
    (root / "io.cost.qos").write_text("8:16 enable=1 ctrl=auto\n8:0 enable=0 ctrl=auto\n")
    with pytest.raises(LimitsUnavailable, match=r"nothing shares disk 8:0 by weight \(its scheduler is mq-deadline"):
        weighs("8:0", group, devices)
    with pytest.raises(LimitsUnavailable, match=r"its scheduler is none"):
        weighs("8:32", group, devices)
    (root / "io.cost.qos").write_text("8:16 enable=0 ctrl=auto\n8:0 enable=1 ctrl=auto\n")
    assert weighs("8:0", group, devices) == "io.cost"


def test_weights_as_bfq_has_them():
    assert [bfq_weight(weight) for weight in (1, 100, 10_000)] == [1, 100, 1000]


def test_cores_that_are_not_all_in_force_are_refused(tmp_path):
    """A parent may leave fewer than were written."""
    cpus, effective = tmp_path / "cpuset.cpus", tmp_path / "cpuset.cpus.effective"
    cpus.touch()
    effective.write_text("0-1,3\n")
    set_cores(cpus, "3,0,1", effective)
    with pytest.raises(NotInForce, match="wrote '0-3', in force is '0-1,3'"):
        set_cores(cpus, "0-3", effective)


def test_cores_that_count_downwards_are_refused():
    with pytest.raises(ValueError, match=r"cpuset must count upwards, such as '0-1', got '3,1-0'"):
        Limits(cpuset="3,1-0")
