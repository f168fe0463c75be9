"""What a device does not let a request read, found out by bisection when it answers with exception 02 or 03."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from sensors.modbus.planner import Limits, Read, joined
from sensors.registers import BIT_TABLES

#: Tries a request: True where it is answered, False where the device refuses it with 02 or 03.
Works = Callable[[Read], Awaitable[bool]]


class Unreadable(ValueError):
    """A place that must be read is refused on its own. place: which."""

    def __init__(self, place: Read) -> None:
        super().__init__(f"{place.place}: refused, read on its own")
        self.place = place


async def learn(refused: Read, places: Sequence[Read], limits: Limits, works: Works) -> Limits:
    """The limits with one more fact: why `refused` was refused, which read the `places` and the gaps between them.

    Either a gap that no request may touch, or a length. Some log2(length) requests are made, and one for each run of
    places without a gap. Raises Unreadable where a place itself is the reason.
    """
    inside = joined(place for place in places if refused.covers(place))
    for run in runs(inside):
        if run != refused and await works(run):
            continue
        for place in inside:
            if run.covers(place) and not await works(place):
                raise Unreadable(place)
    ends = _ends(refused, inside)
    good, bad = 0, len(ends) - 1  # the first place alone works, and the whole is refused
    while bad - good > 1:
        middle = (good + bad) // 2
        if await works(Read(refused.table, refused.address, ends[middle] - refused.address)):
            good = middle
        else:
            bad = middle
    return await _reason(refused, inside, (ends[good], ends[bad]), limits, works)


def runs(places: Sequence[Read]) -> list[Read]:
    """Places of one table, in order, those that touch each other as one."""
    found: list[Read] = []
    for place in places:
        if found and found[-1].end == place.address:
            last = found.pop()
            place = Read(last.table, last.address, place.end - last.address)
        found.append(place)
    return found


def gaps(read: Read, places: Sequence[Read]) -> frozenset[Read]:
    """What lies between the places that a request reads."""
    inside = runs(joined(place for place in places if read.covers(place)))
    return frozenset(Read(one.table, one.end, other.address - one.end) for one, other in pairwise(inside))


def _ends(refused: Read, inside: Sequence[Read]) -> list[int]:
    """Where a shorter request may end, in order: after a place, and anywhere in a gap; never within a place."""
    within = {address for place in inside for address in range(place.address + 1, place.end)}
    return [end for end in range(inside[0].end, refused.end + 1) if end not in within]


async def _reason(refused: Read, inside: Sequence[Read], ends: tuple[int, int], limits: Limits, works: Works) -> Limits:
    """Up to the first end it works, up to the second it does not: because of what lies between, or of the length?"""
    good, bad = ends
    added = Read(refused.table, good, bad - good)
    if any(place.covers(added) for place in inside) or await works(added):
        length = good - refused.address
        return replace(limits, bits=length) if refused.table in BIT_TABLES else replace(limits, registers=length)
    following = min(place.address for place in inside if place.address >= bad)
    return replace(limits, forbidden=limits.forbidden | {Read(refused.table, good, following - good)})
