"""What the three framings of Modbus have in common: a request goes out as bytes, a reply comes in any pieces.

A framing is stateless. It is asked again with all bytes received since the request, each time more of them came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sensors.modbus.pdu import Defect, Mismatch, reply_defect


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it went out. transaction: 0 where the framing has none; pdu: function and data."""

    unit: int
    pdu: bytes
    transaction: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """The whole reply to the request, checked. size: bytes received that it took."""

    pdu: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Stray:
    """A whole frame that answers another request: to be dropped and counted; waiting goes on. size: its bytes."""

    defect: Defect
    size: int


#: None: more bytes are needed. Defect: the bytes cannot be trusted any further.
Scanned = Reply | Stray | Defect | None


class Framing(Protocol):
    """One of Modbus TCP, RTU, ASCII."""

    @property
    def name(self) -> str:
        """`tcp`, `rtu` or `ascii`."""
        ...

    @property
    def numbered(self) -> bool:
        """Whether requests have a transaction id, so that a late reply is known as such."""
        ...

    def frame(self, unit: int, pdu: bytes, transaction: int = 0) -> bytes:
        """The bytes on the line."""
        ...

    def scan(self, request: Request, received: bytes | bytearray) -> Scanned:
        """What the bytes received since `request` are; any bytes at all get an answer."""
        ...

    def next_request(self, received: bytes | bytearray) -> tuple[Request, int] | Defect | None:
        """What a server makes of the bytes received: a request and the bytes it took; None where more are needed."""
        ...


def judged(request: Request, unit: int, pdu: bytes, size: int) -> Scanned:
    """A whole frame whose checksum is right, compared with its request."""
    if unit != request.unit:
        return Defect(Mismatch.UNIT, f"found a reply of unit {unit}, expected unit {request.unit}")
    return reply_defect(request.pdu, pdu) or Reply(pdu, size)
