"""What a process and its descendants occupy: proportional shares, and all pages counted once."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PRESENT, _FRAME = 1 << 63, (1 << 55) - 1  # of an entry in pagemap, see proc(5)


@dataclass(frozen=True)
class Occupied:
    """MB. each: proportional share by process; alone: all pages of all of them, None where the kernel hides them."""

    each: Mapping[str, float]
    alone: float | None

    @property
    def pss(self) -> float:
        """Of all processes."""
        return sum(self.each.values())

    def told(self, bar: float) -> str:
        """For people."""
        parts = ", ".join(f"{name} {share:.0f}" for name, share in self.each.items())
        alone = "unknown (not root)" if self.alone is None else f"{self.alone:.0f} MB"
        return f"memory: {self.pss:.0f} MB PSS ({parts}; bar {bar:g} MB); alone {alone}"


def occupied(gateway: int) -> Occupied:
    """Of a gateway that was started by the command, its template, and what that has forked."""
    processes = {"gateway": gateway}
    for template in _children(gateway):
        processes["template"] = template
        processes |= {"worker" if i == 0 else f"other {i}": pid for i, pid in enumerate(_children(template))}
    each, pages = {}, set[int]()
    for name, pid in processes.items():
        each[name] = proportional_mb(pid)
        pages |= _pages(pid)
    return Occupied(each, len(pages) * _PAGE / 1e6 if pages else None)


def proportional_mb(pid: int) -> float:
    """Proportional share of a process, MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid} has no memory")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _pages(pid: int) -> set[int]:
    """Numbers of the page frames of a process; none unless root asks."""
    frames: set[int] = set()
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/pagemap").open("rb", buffering=0) as pagemap:
        for line in maps:
            low, high = (int(end, 16) for end in line.split()[0].split("-"))
            if "[vsyscall]" in line:
                continue
            pagemap.seek(low // _PAGE * 8)
            entries = struct.iter_unpack("Q", pagemap.read((high - low) // _PAGE * 8))
            frames |= {entry & _FRAME for (entry,) in entries if entry & _PRESENT}
    frames.discard(0)
    return frames
