"""Which disk a path lies on, as control groups name it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inversion.app.limits.group import LimitsUnavailable

_DEVICES = Path("/sys/dev/block")


def disk_of(path: Path, devices: Path = _DEVICES) -> str:
    """`254:0`: the whole disk below a file, a folder or a device. Raises LimitsUnavailable where there is none.

    A partition cannot be limited, its disk can; what lies in memory, on the network or on several disks, not at all.
    """
    while not path.exists() and path != path.parent:
        path = path.parent
    found = path.stat()
    number = found.st_rdev if stat.S_ISBLK(found.st_mode) else found.st_dev
    named = f"{os.major(number)}:{os.minor(number)}"
    device = devices / named
    if os.major(number) == 0 or not device.exists():
        raise LimitsUnavailable(
            f"io: {path} lies on no disk of this machine (device {named}); io_disk can name another"
        )
    if (device / "partition").exists():
        return (device.resolve().parent / "dev").read_text(encoding="ascii").strip()
    return named
