"""How a simulated device may misbehave, request by request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from sensors.modbus.framing import Framing
from sensors.modbus.framing import Request as Framed


class Fault(Enum):
    """What happens instead of an answer."""

    SILENCE = "no answer"
    DISCONNECT = "the connection is closed"
    RESET = "the connection is reset"
    HALF_OPEN = "nothing is answered on this connection any more"


@dataclass(frozen=True)
class Request:
    """What a script of misbehavior sees of a request.

    number: from 1, over all connections; pdu: function code and data; unit: whom it is for
    """

    number: int
    pdu: bytes
    unit: int = 1

    @property
    def address(self) -> int:
        """0-based."""
        return int.from_bytes(self.pdu[1:3], "big")


#: Pieces that are sent: (s to wait before, bytes).
Pieces = Sequence[tuple[float, bytes]]


@dataclass(frozen=True)
class Wire:
    """The true reply, spoiled on its way. pieces: from the request, the reply's PDU and the framing."""

    pieces: Callable[[Framed, bytes, Framing], Pieces]


@dataclass(frozen=True)
class Restart:
    """The device restarts: its connections are reset, what it captured is lost, and nobody is there for so long, s."""

    seconds: float


#: Decides for each request: None is the true answer, bytes are sent as the reply's PDU instead of it.
Misbehave = Callable[[Request], Fault | Wire | Restart | bytes | None]


def behave(request: Request) -> None:
    """No misbehavior at all."""


def _good(request: Framed, pdu: bytes, framing: Framing) -> bytes:
    return framing.frame(request.unit, pdu, request.transaction)


def delayed(seconds: float) -> Wire:
    """The reply comes later."""
    return Wire(lambda request, pdu, framing: [(seconds, _good(request, pdu, framing))])


def duplicated(after_s: float = 0.0) -> Wire:
    """The reply comes twice."""

    def pieces(request: Framed, pdu: bytes, framing: Framing) -> Pieces:
        frame = _good(request, pdu, framing)
        return [(0.0, frame + frame)] if after_s == 0 else [(0.0, frame), (after_s, frame)]

    return Wire(pieces)


def truncated(share: float) -> Wire:
    """Only the first part of the reply comes, at least a byte less than all."""

    def pieces(request: Framed, pdu: bytes, framing: Framing) -> Pieces:
        frame = _good(request, pdu, framing)
        return [(0.0, frame[: int(share * (len(frame) - 1))])]

    return Wire(pieces)


def flipped(at: float, bits: int = 1) -> Wire:
    """One byte of the reply is damaged. at: where, as a share of its length; bits: which of its bits are flipped."""

    def pieces(request: Framed, pdu: bytes, framing: Framing) -> Pieces:
        frame = bytearray(_good(request, pdu, framing))
        frame[int(at * (len(frame) - 1))] ^= bits
        return [(0.0, bytes(frame))]

    return Wire(pieces)


def bad_checksum() -> Wire:
    """The checksum of the reply is wrong; where the framing has none, its header."""

    def pieces(request: Framed, pdu: bytes, framing: Framing) -> Pieces:
        frame = bytearray(_good(request, pdu, framing))
        frame[{"tcp": 3, "ascii": -3}.get(framing.name, -1)] ^= 1
        return [(0.0, bytes(frame))]

    return Wire(pieces)


def foreign(unit: int) -> Wire:
    """The reply says that it is of another unit."""
    return Wire(lambda request, pdu, framing: [(0.0, framing.frame(unit, pdu, request.transaction))])


def other_transaction(by: int) -> Wire:
    """The reply has another transaction id, where the framing has one."""
    return Wire(
        lambda request, pdu, framing: [(0.0, framing.frame(request.unit, pdu, (request.transaction + by) & 0xFFFF))]
    )


def garbage(noise: bytes, reply_too: bool) -> Wire:
    """Noise, and the true reply behind it or not."""
    return Wire(lambda request, pdu, framing: [(0.0, noise + (_good(request, pdu, framing) if reply_too else b""))])


def dripping(gap_s: float) -> Wire:
    """The reply comes byte by byte."""
    return Wire(lambda request, pdu, framing: [(gap_s, bytes((byte,))) for byte in _good(request, pdu, framing)])
