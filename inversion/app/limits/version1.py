"""Control groups version 1: one hierarchy a controller (Documentation/admin-guide/cgroup-v1 of the kernel).

Memory that a process was charged for before it joined is not moved: a process joins before it allocates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inversion.app.limits import files
from inversion.app.limits.group import LimitsUnavailable, Usage, needed
from inversion.app.limits.options import Limits

_PREFIX = "inversion-"


@dataclass
class Version1:
    """A folder in every hierarchy that is needed. shared_bytes: of memory, charged elsewhere."""

    folders: Mapping[str, Path]
    limits: Limits
    version: str = "1"
    shared_bytes: int = 0

    @property
    def joins(self) -> tuple[Path, ...]:
        """One a hierarchy."""
        return tuple(folder / "cgroup.procs" for folder in dict.fromkeys(self.folders.values()))

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

    def remove(self) -> None:
        """Of every hierarchy."""
        try:
            files.remove(dict.fromkeys(self.folders.values()))
        except OSError as error:
            raise LimitsUnavailable(f"{error.filename}: cannot be removed: {error.strerror}") from error


def make_version1(own: Mapping[str, Path], limits: Limits, name: str) -> Version1:
    """Below the groups that this process is in. Raises OSError, and leaves nothing behind then."""
    folders: dict[str, Path] = {}
    try:
        for controller in sorted(needed(limits)):
            files.sweep(own[controller], _PREFIX)
            folder = own[controller] / name
            folder.mkdir(exist_ok=True)
            folders[controller] = folder
        _write(folders, own, limits)
    except OSError:
        files.remove(dict.fromkeys(folders.values()))
        raise
    return Version1(folders, limits)


def _write(folders: Mapping[str, Path], own: Mapping[str, Path], limits: Limits) -> None:
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
        files.put(folders["cpuset"] / "cpuset.cpus", limits.cpuset)


def _limit_memory(folder: Path, whole: int, lower: bool) -> None:
    """With what is swapped out, where that is counted; it is never below memory alone."""
    swap = folder / "memory.memsw.limit_in_bytes"
    both = [folder / "memory.limit_in_bytes", *([swap] if swap.exists() else [])]
    for file in both if lower else reversed(both):
        files.set_limit(file, str(whole))
