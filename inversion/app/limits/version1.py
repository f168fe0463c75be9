"""Control groups version 1: one hierarchy a controller (Documentation/admin-guide/cgroup-v1 of the kernel).

Memory that a process was charged for before it joined is not moved: a process joins before it allocates.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inversion.app.limits import files
from inversion.app.limits.disk import bfq_weight, weighs
from inversion.app.limits.group import NAMES_1, LimitsUnavailable, Usage, needed
from inversion.app.limits.options import Limits

_PREFIX = "inversion-"


@dataclass
class Version1:
    """A folder in every hierarchy that is needed.

    beside: one of version 2, which tells the pressure; shared_bytes: of memory, charged elsewhere
    """

    folders: Mapping[str, Path]
    limits: Limits
    beside: Path | None = None
    version: str = "1"
    shared_bytes: int = 0

    @property
    def joins(self) -> tuple[Path, ...]:
        """One a hierarchy."""
        return tuple(folder / "cgroup.procs" for folder in self._all)

    def members(self) -> set[int]:
        """In all hierarchies."""
        return set.intersection(*(files.members(folder) for folder in self.folders.values()))

    def usage(self) -> Usage:
        """From cpu.stat and memory.*."""
        cpu, memory = self.folders.get("cpu"), self.folders.get("memory")
        stat = {} if cpu is None else files.numbers(cpu / "cpu.stat")
        return Usage(
            periods=stat.get("nr_periods", 0),
            throttled=stat.get("nr_throttled", 0),
            throttled_s=stat.get("throttled_time", 0) / 1e9,
            peak_bytes=None
            if memory is None
            else files.number(memory / "memory.max_usage_in_bytes", self.shared_bytes),
            oom_kills=0 if memory is None else files.numbers(memory / "memory.oom_control").get("oom_kill", 0),
            cpu_pressure=self._pressure("cpu"),
            memory_pressure=self._pressure("memory"),
            io_pressure=self._pressure("io"),
        )

    def share(self, shared_bytes: int) -> bool:
        """By a lower limit."""
        if shared_bytes == self.shared_bytes or self.limits.memory_bytes is None:
            return True
        left = self.limits.left_bytes(shared_bytes)
        try:
            if left is not None:
                _limit_memory(self.folders["memory"], left, lower=shared_bytes > self.shared_bytes)
        except OSError:
            return False
        self.shared_bytes = self.shared_bytes if left is None else shared_bytes
        return left is not None

    def _pressure(self, resource: str) -> float | None:
        return None if self.beside is None else files.pressure(self.beside / f"{resource}.pressure")

    def remove(self) -> None:
        """Of every hierarchy."""
        try:
            files.remove(self._all)
        except OSError as error:
            raise LimitsUnavailable(f"{error.filename}: cannot be removed: {error.strerror}") from error

    @property
    def _all(self) -> list[Path]:
        return [*dict.fromkeys(self.folders.values()), *([] if self.beside is None else [self.beside])]


def make_version1(
    own: Mapping[str, Path], limits: Limits, name: str, disk: str = "", unified: Path | None = None
) -> Version1:
    """Below the groups that this process is in. Raises OSError, and leaves nothing behind then.

    unified: of version 2, where that is mounted beside: it has no controllers then, but tells the pressure
    """
    folders: dict[str, Path] = {}
    try:
        for controller in sorted(NAMES_1.get(each, each) for each in needed(limits)):
            files.sweep(own[controller], _PREFIX)
            folder = own[controller] / name
            folder.mkdir(exist_ok=True)
            folders[controller] = folder
        _write(folders, own, limits, disk)
    except (OSError, LimitsUnavailable):
        files.remove(dict.fromkeys(folders.values()))
        raise
    return Version1(folders, limits, _beside(unified, name))


def _beside(unified: Path | None, name: str) -> Path | None:
    """Not needed for any limit: where it cannot be made, nothing is told."""
    if unified is None:
        return None
    files.sweep(unified, _PREFIX)
    folder = unified / name
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder / "cgroup.procs", os.W_OK) else None


def _write(folders: Mapping[str, Path], own: Mapping[str, Path], limits: Limits, disk: str) -> None:
    if limits.quota_us is not None:
        quota, period = limits.quota_us
        files.set_limit(folders["cpu"] / "cpu.cfs_period_us", str(period))
        files.set_limit(folders["cpu"] / "cpu.cfs_quota_us", str(quota))
        if (burst := folders["cpu"] / "cpu.cfs_burst_us").exists():  # Linux 5.14
            files.set_limit(burst, str(quota))
    if limits.cpu_weight is not None:
        files.set_limit(folders["cpu"] / "cpu.shares", str(max(limits.cpu_weight * 1024 // 100, 2)))
    if limits.memory_bytes is not None:
        _limit_memory(folders["memory"], limits.memory_bytes // 4096 * 4096, lower=True)
    if limits.pids is not None:
        files.set_limit(folders["pids"] / "pids.max", str(limits.pids))
    if limits.cpuset is not None:
        memory_nodes = own["cpuset"].joinpath("cpuset.mems").read_text(encoding="ascii").strip()
        files.set_limit(folders["cpuset"] / "cpuset.mems", memory_nodes)
        files.set_cores(folders["cpuset"] / "cpuset.cpus", limits.cpuset)
    if limits.io_bytes is not None:
        for way in ("read", "write"):
            files.set_limit(folders["blkio"] / f"blkio.throttle.{way}_bps_device", f"{disk} {limits.io_bytes}")
    if limits.io_weight is not None:
        weighs(disk, folders["blkio"])
        files.set_limit(folders["blkio"] / "blkio.bfq.weight", str(bfq_weight(limits.io_weight)))


def _limit_memory(folder: Path, whole: int, lower: bool) -> None:
    """With what is swapped out, where that is counted; it is never below memory alone."""
    swap = folder / "memory.memsw.limit_in_bytes"
    both = [folder / "memory.limit_in_bytes", *([swap] if swap.exists() else [])]
    for file in both if lower else reversed(both):
        files.set_limit(file, str(whole))
