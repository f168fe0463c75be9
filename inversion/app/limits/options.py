"""`[limits]`, in the words that people use: "25%", "128MiB"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BYTES = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_LEAST_BYTES = 16 * 2**20
_LEAST_RATE = 64 * 2**10
_LEAST_US = 1000  # that the kernel measures out in a period
_MOST_PIDS = 4_194_304  # that a kernel has at all


@dataclass(frozen=True)
class Limits:
    """What the worker may use; None: as much as there is.

    cpu: share of one core, such as "25%" or "150%"; period_ms: over which it is measured out (20 ms: short stalls);
        what one period leaves the next may use as well, where the kernel knows how (Linux 5.14)
    cpu_weight: what it gets of a core that others want too, beside their 100 each: with 10, a tenth of what one busy
        neighbor gets, and all of a core that nobody else wants; 1 to 10000
    memory: such as "128MiB"; all of it, what is swapped out too; pids: processes and threads
    cpuset: cores, such as "0" or "0-1,3"
    io: read from a disk, and written to it, such as "10MB/s"
    io_weight: its share of the disk, 1 to 10000, usually 100, where a disk is shared by weight (bfq, io.cost)
    io_disk: a path on the disk that is meant; by default that of the journal
    required: whether to refuse to start where they cannot be had; else every status says so
    """

    cpu: str | None = None
    memory: str | None = None
    pids: int | None = None
    cpuset: str | None = None
    io: str | None = None
    io_weight: int | None = None
    io_disk: Path | None = None
    period_ms: float = 20.0
    cpu_weight: int | None = None
    required: bool = True

    def __post_init__(self) -> None:
        if self.cpu is not None:
            share(self.cpu)
        if self.memory is not None and size(self.memory) < _LEAST_BYTES:
            raise ValueError(f"memory must be at least 16MiB, got {self.memory!r}")
        if self.pids is not None and not 1 <= self.pids <= _MOST_PIDS:
            raise ValueError(f"pids must lie between 1 and {_MOST_PIDS}, got {self.pids}")
        if self.cpuset is not None and not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", self.cpuset):
            raise ValueError(f"cpuset must be cores such as '0' or '0-1,3', got {self.cpuset!r}")
        if self.cpuset is not None and not all(_rises(span) for span in self.cpuset.split(",")):
            raise ValueError(f"cpuset must count upwards, such as '0-1', got {self.cpuset!r}")
        for key in ("cpu_weight", "io_weight"):
            weight = getattr(self, key)
            if weight is not None and not 1 <= weight <= 10_000:
                raise ValueError(f"{key} must lie between 1 and 10000, got {weight}")
        if self.io is not None and rate(self.io) < _LEAST_RATE:
            raise ValueError(f"io must be at least 64KiB/s, got {self.io!r}")
        if not 1.0 <= self.period_ms <= 1000.0:
            raise ValueError(f"period_ms must lie between 1 and 1000, got {self.period_ms}")
        self._check_quota()

    def _check_quota(self) -> None:
        """What is less than the least that a kernel measures out would be told as in force, and be more."""
        if self.cpu is not None and share(self.cpu) * self.period_ms * 1000 < _LEAST_US * (1 - 1e-9):
            least = f"cpu must be at least 1 ms of each period, {100 / self.period_ms:g}% of {self.period_ms:g} ms"
            raise ValueError(f"{least}, got {self.cpu!r}; a longer period_ms takes less")

    @property
    def any(self) -> bool:
        """Whether anything is limited."""
        return any(limit is not None for limit in self._all.values())

    @property
    def quota_us(self) -> tuple[int, int] | None:
        """Run time, us, in every period, us; None where the CPU is not limited."""
        if self.cpu is None:
            return None
        period_us = round(self.period_ms * 1000)
        return max(round(share(self.cpu) * period_us), _LEAST_US), period_us

    @property
    def memory_bytes(self) -> int | None:
        """None where memory is not limited."""
        return None if self.memory is None else size(self.memory)

    def left_bytes(self, shared_bytes: int) -> int | None:
        """Memory, whole pages, beside what is shared with others; None: it is not limited, or too little is left."""
        if self.memory_bytes is None or self.memory_bytes - shared_bytes < _LEAST_BYTES:
            return None
        return (self.memory_bytes - shared_bytes) // 4096 * 4096

    @property
    def io_bytes(self) -> int | None:
        """A second; None where the disk is not limited."""
        return None if self.io is None else rate(self.io)

    def told(self) -> str:
        """For people: `cpu 25%, memory 128MiB`."""
        return ", ".join(f"{name} {value}" for name, value in self._all.items() if value is not None)

    @property
    def _all(self) -> dict[str, str | int | None]:
        return {
            "cpu": self.cpu,
            "weight": self.cpu_weight,
            "memory": self.memory,
            "pids": self.pids,
            "cpuset": self.cpuset,
            "io": self.io,
            "io weight": self.io_weight,
        }


def _rises(span: str) -> bool:
    first, _, last = span.partition("-")
    return int(first) <= int(last or first)


def share(text: str) -> float:
    """`25%` as 0.25. Raises ValueError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", text)
    if found is None or not 0 < float(found[1]) <= 100_000:
        raise ValueError(f"cpu must be a share of one core such as '25%', got {text!r}")
    return float(found[1]) / 100


def size(text: str) -> int:
    """`128MiB` in bytes. Raises ValueError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(\w*)", text)
    if found is None or found[2] not in _BYTES:
        raise ValueError(f"memory must be a size such as '128MiB', got {text!r}")
    return round(float(found[1]) * _BYTES[found[2]])


def rate(text: str) -> int:
    """`10MB/s` in bytes a second. Raises ValueError."""
    try:
        return size(text.removesuffix("/s") if text.endswith("/s") else "")
    except ValueError:
        raise ValueError(f"io must be a rate such as '10MB/s', got {text!r}") from None
