"""What was learned of a device's limits, as lines for people that can be read back: a journal keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from sensors.modbus.planner import Limits, Read

_MOST = re.compile(r"at most (\d+) (registers|bits) a request")
_FORBIDDEN = re.compile(r"no request may touch (\w+) (\d+) \(\d+\)(?: to \w+ (\d+) \(\d+\))?")


def lessons(limits: Limits, stated: Limits) -> tuple[str, ...]:
    """In which the limits are narrower than what the profile states."""
    found = []
    if limits.registers < stated.registers:
        found.append(f"at most {limits.registers} registers a request")
    if limits.bits < stated.bits:
        found.append(f"at most {limits.bits} bits a request")
    found += [f"no request may touch {place.place}" for place in sorted(limits.forbidden - stated.forbidden)]
    return tuple(found)


def recalled(limits: Limits, lines: Iterable[str]) -> Limits:
    """The limits, narrowed by lessons; a line that is none changes nothing."""
    for line in lines:
        if (most := _MOST.fullmatch(line)) is not None:
            number = int(most[1])
            if most[2] == "registers":
                limits = replace(limits, registers=min(limits.registers, number))
            else:
                limits = replace(limits, bits=min(limits.bits, number))
        elif (place := _FORBIDDEN.fullmatch(line)) is not None:
            first, last = int(place[2]), int(place[3] or place[2])
            limits = replace(limits, forbidden=limits.forbidden | {Read(place[1], first, last - first + 1)})
    return limits
