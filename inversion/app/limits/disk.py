"""Which disk a path lies on, as control groups name it, and whether anything weighs what is asked of it."""

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


def weighs(disk: str, group: Path, devices: Path = _DEVICES) -> str:
    """What shares this disk by weight: "bfq" (its scheduler) or "io.cost". Raises LimitsUnavailable where nothing does.

    group: of the worker. The file of a weight is there on most kernels and takes any, whether somebody reads it or not.
    """
    queue = devices / disk / "queue" / "scheduler"
    scheduler = queue.read_text(encoding="ascii").split() if queue.exists() else []
    if "[bfq]" in scheduler:
        return "bfq"
    costs = (folder / "io.cost.qos" for folder in group.parents)  # which the root group has
    lines = [line.split() for file in costs if file.exists() for line in file.read_text(encoding="ascii").splitlines()]
    if any(words[0] == disk and "enable=1" in words for words in lines):
        return "io.cost"
    chosen = next((name.strip("[]") for name in scheduler if name.startswith("[")), "none")
    raise LimitsUnavailable(
        f"io_weight: nothing shares disk {disk} by weight (its scheduler is {chosen}, io.cost is off): "
        f"write bfq to {queue}, or limit its rate with io"
    )


def bfq_weight(weight: int) -> int:
    """Of 1 to 1000, where groups have 1 to 10000; 100 is 100 (as systemd does it)."""
    return weight if weight <= 100 else 100 + (weight - 100) * 900 // 9900
