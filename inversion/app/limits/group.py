"""One control group for the worker: made, read back, watched and removed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from inversion.app.limits.mounts import Mounts, find_mounts
from inversion.app.limits.options import Limits
from inversion.core import InversionError

#: What version 1 calls a controller otherwise.
NAMES_1 = {"io": "blkio"}


class LimitsUnavailable(InversionError):
    """This box or this user cannot have the limits; the message says why."""


@dataclass(frozen=True)
class Usage:
    """What a group has used since it was made; None where the kernel does not tell.

    periods, throttled: of the CPU quota; throttled_s: time that it stood still, s
    peak_bytes: of memory; oom_kills: processes that the kernel ended for want of it
    cpu_pressure, memory_pressure, io_pressure: share of the last 10 s in which something waited for it (PSI)
    """

    periods: int = 0
    throttled: int = 0
    throttled_s: float = 0.0
    peak_bytes: int | None = None
    oom_kills: int = 0
    cpu_pressure: float | None = None
    memory_pressure: float | None = None
    io_pressure: float | None = None

    def told(self) -> str:
        """For people."""
        peak = "unknown" if self.peak_bytes is None else f"{self.peak_bytes / 2**20:.0f} MiB"
        return (
            f"{self.throttled} of {self.periods} periods throttled ({self.throttled_s:.1f} s), "
            f"memory peak {peak}, {self.oom_kills} killed for memory"
        )


class Group(Protocol):
    """A group with its limits in force. Processes join it by writing their number into `joins`."""

    @property
    def version(self) -> str:
        """Of the control groups: "1" or "2"."""
        ...

    @property
    def joins(self) -> tuple[Path, ...]:
        """Files that take the number of a process that joins."""
        ...

    def members(self) -> set[int]:
        """Processes in every part of the group."""
        ...

    def usage(self) -> Usage:
        """Since the group was made; in the peak of memory what is shared is counted too."""
        ...

    def share(self, shared_bytes: int) -> bool:
        """Counts against its memory what its next process shares with others, and is charged to these.

        False where too little would be left; nothing has changed then.
        """
        ...

    def remove(self) -> None:
        """Ends what is left in it, and removes it. Raises LimitsUnavailable where that fails."""
        ...


def make_group(
    limits: Limits, name: str, mounts: Mounts | None = None, ours: Sequence[int] = (), place: Path = Path()
) -> Group:
    """A new group below that of this process, its limits written and read back.

    name: of the folder; a group of that name that is left over and empty is used again
    ours: other processes that move with this one, where it has to make room
    place: on the disk that `io` is about, where the limits name no other
    Raises LimitsUnavailable, and leaves nothing behind then.
    """
    from inversion.app.limits.disk import disk_of
    from inversion.app.limits.version1 import make_version1
    from inversion.app.limits.version2 import make_version2

    mounts = mounts or find_mounts()
    wanted = needed(limits)
    disk = disk_of(limits.io_disk or place) if "io" in wanted else ""
    try:
        if wanted <= mounts.controllers and mounts.unified is not None:
            return make_version2(mounts.unified, limits, name, (os.getpid(), *ours), disk)
        if {NAMES_1.get(each, each) for each in wanted} <= set(mounts.by_controller):
            return make_version1(mounts.by_controller, limits, name, disk, mounts.unified)
    except OSError as error:
        raise LimitsUnavailable(
            f"{error.filename}: {error.strerror} (control groups version {mounts.version})"
        ) from error
    there = mounts.controllers | set(mounts.by_controller)
    has = sorted(there) or ["none"]
    lacking = sorted(each for each in wanted if each not in there and NAMES_1.get(each) not in there)
    missing = ", ".join(lacking) or "one hierarchy with all"
    raise LimitsUnavailable(
        f"control groups (version {mounts.version}) lack {missing}; this process has {', '.join(has)}"
    )


def needed(limits: Limits) -> set[str]:
    """Controllers that these limits ask for."""
    asked = {
        "cpu": (limits.cpu, limits.cpu_weight),
        "memory": (limits.memory,),
        "pids": (limits.pids,),
        "cpuset": (limits.cpuset,),
        "io": (limits.io, limits.io_weight),
    }
    return {controller for controller, wishes in asked.items() if any(limit is not None for limit in wishes)}
