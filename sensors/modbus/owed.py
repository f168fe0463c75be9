"""Replies that are still owed on a line without transaction ids, and how a unit is brought back into step.

A reply that comes after its time-out looks like the reply to the next request wherever that one has the same function
and length. A unit answers in order; so once it has answered a request that no owed reply could answer, nothing earlier
can come any more. Until then, such a request is made first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from sensors.modbus.pdu import READ, READ_FIFO, READ_FILE

#: Diagnostics, return query data: the reply is an echo. Source: Modbus Application Protocol V1.1b3, 6.8.
ECHO = 8

#: What replies to two requests share when one could be taken for the other: function and length, or function and echo.
Shape = tuple[int, bytes]


def shape(pdu: bytes) -> Shape:
    """What a reply to this request is known by."""
    function = pdu[0]
    if function in READ.values():
        return function, pdu[3:5]
    if function == READ_FILE:
        return function, pdu[7:9]
    return function, b"" if function == READ_FIFO else pdu[1:5]


@dataclass
class Owed:
    """What one unit owes. Times are the event loop's, s.

    late_s: after that long nothing is expected any more
    """

    late_s: float
    _shapes: dict[Shape, float] = field(default_factory=dict)
    _tries: int = 0

    def add(self, pdu: bytes, now: float) -> None:
        """A request was not answered."""
        self._shapes[shape(pdu)] = now + self.late_s

    def settle(self) -> None:
        """A request was answered that no owed reply could have answered."""
        self._shapes.clear()
        self._tries = 0

    def any(self, now: float) -> bool:
        """Whether a reply may still come."""
        self._shapes = {key: until for key, until in self._shapes.items() if until > now}
        return bool(self._shapes)

    def ambiguous(self, pdu: bytes, now: float) -> bool:
        """Whether an owed reply would be taken for the reply to this request."""
        return self.any(now) and shape(pdu) in self._shapes

    def question(self, pdu: bytes) -> bytes:
        """A request that no owed reply answers, to be made before `pdu`: fewer of the same registers, or an echo.

        The two kinds take turns: some devices are silent to functions that they do not know, others answer only whole
        blocks.
        """
        self._tries += 1
        if self._tries % 2 and pdu[0] in READ.values():
            for count in range(int.from_bytes(pdu[3:5], "big") - 1, 0, -1):
                shorter = pdu[:3] + count.to_bytes(2, "big")
                if shape(shorter) not in self._shapes:
                    return shorter
        return struct.pack(">BHH", ECHO, 0, 0x5A00 | (self._tries & 0xFF))
