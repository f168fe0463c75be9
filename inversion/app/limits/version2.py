"""Control groups version 2, by delegation (Documentation/admin-guide/cgroup-v2.rst of the kernel).

A group that gives controllers to its children may hold no process itself: this process moves into a child of its own
first. That takes a group that is delegated to it (systemd: `Delegate=yes`) or the root group.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inversion.app.limits import files
from inversion.app.limits.disk import bfq_weight, weighs
from inversion.app.limits.group import LimitsUnavailable, Usage, needed
from inversion.app.limits.options import Limits

_PREFIX = "inversion-"
_OWN = "gateway"


@dataclass
class Version2:
    """One folder. shared_bytes: of memory, charged elsewhere."""

    folder: Path
    limits: Limits
    version: str = "2"
    shared_bytes: int = 0

    @property
    def joins(self) -> tuple[Path, ...]:
        """One file."""
        return (self.folder / "cgroup.procs",)

    def members(self) -> set[int]:
        """Of the group."""
        return files.members(self.folder)

    def usage(self) -> Usage:
        """From cpu.stat, memory.peak, memory.events and the pressure files."""
        stat, events = files.numbers(self.folder / "cpu.stat"), files.numbers(self.folder / "memory.events")
        return Usage(
            periods=stat.get("nr_periods", 0),
            throttled=stat.get("nr_throttled", 0),
            throttled_s=stat.get("throttled_usec", 0) / 1e6,
            peak_bytes=files.number(self.folder / "memory.peak", self.shared_bytes),
            oom_kills=events.get("oom_group_kill") or events.get("oom_kill", 0),  # the whole group goes at once
            cpu_pressure=files.pressure(self.folder / "cpu.pressure"),
            memory_pressure=files.pressure(self.folder / "memory.pressure"),
            io_pressure=files.pressure(self.folder / "io.pressure"),
        )

    def share(self, shared_bytes: int) -> bool:
        """By a lower limit."""
        if shared_bytes == self.shared_bytes or self.limits.memory_bytes is None:
            return True
        left = self.limits.left_bytes(shared_bytes)
        if left is None:
            return False
        try:
            files.set_limit(self.folder / "memory.max", str(left))
        except OSError:
            return False
        self.shared_bytes = shared_bytes
        return True

    def remove(self) -> None:
        """With all that is left in it."""
        try:
            files.remove([self.folder])
        except OSError as error:
            raise LimitsUnavailable(f"{error.filename}: cannot be removed: {error.strerror}") from error


def make_version2(own: Path, limits: Limits, name: str, ours: Sequence[int], disk: str = "") -> Version2:
    """Below the group that this process is in, or was in before it made room with `ours`. Raises OSError."""
    parent = own.parent if own.name == _OWN else own
    wanted = {"cpu", "memory", "pids", "cpuset", "io"} & set(
        (parent / "cgroup.controllers").read_text(encoding="ascii").split()
    )
    if not needed(limits) <= _given(parent):
        _make_room(parent, ours)
        _give(parent, wanted)
    files.sweep(parent, _PREFIX)
    folder = parent / name
    folder.mkdir(exist_ok=True)
    try:
        _write(folder, limits, disk)
    except (OSError, LimitsUnavailable):
        files.remove([folder])
        raise
    return Version2(folder, limits)


def _given(parent: Path) -> set[str]:
    """Controllers that children of this group have."""
    return set((parent / "cgroup.subtree_control").read_text(encoding="ascii").split())


def _give(parent: Path, controllers: set[str]) -> None:
    try:
        files.put(parent / "cgroup.subtree_control", " ".join(f"+{controller}" for controller in sorted(controllers)))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        raise LimitsUnavailable(
            f"{parent}: other processes are in this group, which must be the gateway's alone (systemd: Delegate=yes)"
        ) from error


def _make_room(parent: Path, ours: Sequence[int]) -> None:
    """Moves these processes into a child, unless this is the root group, which may hold processes."""
    if not (parent / "cgroup.type").exists():
        return
    leaf = parent / _OWN
    leaf.mkdir(exist_ok=True)
    for process in ours:
        files.put(leaf / "cgroup.procs", str(process))


def _write(folder: Path, limits: Limits, disk: str) -> None:
    if limits.quota_us is not None:
        quota, period = limits.quota_us
        files.set_limit(folder / "cpu.max", f"{quota} {period}")
        if (burst := folder / "cpu.max.burst").exists():  # Linux 5.14
            files.set_limit(burst, str(quota))
    if limits.cpu_weight is not None:
        files.set_limit(folder / "cpu.weight", str(limits.cpu_weight))
    if limits.memory_bytes is not None:
        files.set_limit(folder / "memory.max", str(limits.memory_bytes // 4096 * 4096))
        if (folder / "memory.swap.max").exists():
            files.set_limit(folder / "memory.swap.max", "0")
        files.put(folder / "memory.oom.group", "1")
    if limits.pids is not None:
        files.set_limit(folder / "pids.max", str(limits.pids))
    if limits.cpuset is not None:
        files.set_cores(folder / "cpuset.cpus", limits.cpuset, folder / "cpuset.cpus.effective")
    if limits.io_bytes is not None:
        both = f"{disk} rbps={limits.io_bytes} wbps={limits.io_bytes}"
        files.set_limit(folder / "io.max", both, f"{both} riops=max wiops=max")
    if limits.io_weight is not None:
        if weighs(disk, folder) == "bfq" and (file := folder / "io.bfq.weight").exists():
            files.set_limit(file, f"default {bfq_weight(limits.io_weight)}")
        else:
            files.set_limit(folder / "io.weight", f"default {limits.io_weight}")
