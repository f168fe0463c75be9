"""What the operating system tells of this box and of the gateway's processes; None where it does not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def memory_bytes(pid: int) -> int | None:
    """Resident memory of a process."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files(pid: int) -> int | None:
    """File descriptors of a process."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a count, no paths
    except OSError:
        return None


def written_bytes(pid: int) -> int | None:
    """What a process has had written to a device: flash wears by it."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))
    except (OSError, ValueError, StopIteration):
        return None


def cpu_celsius() -> float | None:
    """The hottest thermal zone."""
    found = []
    for zone in Path("/sys/class/thermal").glob("thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    return max(found, default=None)


def free_bytes(path: Path) -> int | None:
    """Room on the disk of a file that is there, or will be."""
    try:
        return shutil.disk_usage(path if path.exists() else path.parent).free
    except OSError:
        return None
