"""Which requests read all registers of a device in the least bus time. Pure.

What must be read is a set of places; a request may read across a gap when that costs less than another request. A
number is never split between two requests, so that its words belong together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sensors.registers import BIT_TABLES, notation


@dataclass(frozen=True, order=True)
class Read:
    """One request, or one number that must come in one request."""

    table: str
    address: int
    count: int

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.address + self.count

    def covers(self, other: Read) -> bool:
        """Whether the other lies within."""
        return self.table == other.table and self.address <= other.address and other.end <= self.end

    @property
    def place(self) -> str:
        """For people, in both notations."""
        last = f" to {notation(self.table, self.end - 1)}" if self.count > 1 else ""
        return f"{notation(self.table, self.address)}{last}"


@dataclass(frozen=True)
class Limits:
    """What a device lets a request read.

    registers, bits: at most in one request
    forbidden: places that no request may touch
    """

    registers: int = 125
    bits: int = 2000
    forbidden: frozenset[Read] = frozenset()

    def most(self, table: str) -> int:
        """Registers or bits of one request."""
        return self.bits if table in BIT_TABLES else self.registers

    def allow(self, read: Read) -> bool:
        """Whether a request keeps within them."""
        return read.count <= self.most(read.table) and not any(_touch(read, place) for place in self.forbidden)


@dataclass(frozen=True)
class Cost:
    """Bus time: of a request whatever it reads, and of each register, s."""

    request_s: float = 2e-3
    register_s: float = 1e-6

    def of(self, read: Read) -> float:
        """Bus time of one request, s."""
        return self.request_s + self.register_s * (read.count / 16 if read.table in BIT_TABLES else read.count)


def plan(places: Iterable[Read], limits: Limits, cost: Cost) -> tuple[Read, ...]:
    """The requests of the least bus time that read all places within the limits, in order of address.

    Raises ValueError for a place that no request within the limits can read.
    """
    tables: dict[str, list[Read]] = {}
    for place in joined(places):
        if not limits.allow(place):
            raise ValueError(f"{place.place}: cannot be read within what the device allows")
        tables.setdefault(place.table, []).append(place)
    return tuple(read for of_table in tables.values() for read in _cheapest(of_table, limits, cost))


def joined(places: Iterable[Read]) -> list[Read]:
    """Places in order; those that overlap become one."""
    found: list[Read] = []
    for place in sorted(places):
        if found and found[-1].table == place.table and place.address < found[-1].end:
            last = found.pop()
            place = Read(last.table, last.address, max(last.end, place.end) - last.address)
        found.append(place)
    return found


def _cheapest(places: Sequence[Read], limits: Limits, cost: Cost) -> list[Read]:
    """Dynamic programming over where the last request begins."""
    best: list[tuple[float, int, Read | None]] = [(0.0, 0, None)]  # up to place i: time, places before the last request
    for i, last in enumerate(places, start=1):
        options = []
        for j in range(i, 0, -1):
            first = places[j - 1]
            read = Read(first.table, first.address, last.end - first.address)
            if not limits.allow(read):
                break  # what begins even earlier is longer still
            options.append((best[j - 1][0] + cost.of(read), j - 1, read))
        best.append(min(options, key=lambda option: option[0]))
    reads, at = [], len(places)
    while at:
        _, at, chosen = best[at]
        assert chosen is not None
        reads.append(chosen)
    return reads[::-1]


def _touch(one: Read, other: Read) -> bool:
    return one.table == other.table and one.address < other.end and other.address < one.end
