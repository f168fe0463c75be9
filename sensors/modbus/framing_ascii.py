"""Modbus ASCII: a colon; unit, PDU and LRC as hexadecimal digits; CR LF.

Source: Modbus over Serial Line V1.02, 2.5.2.
"""

from __future__ import annotations

from binascii import Error, unhexlify
from dataclasses import dataclass

from sensors.modbus.framing import Request, Scanned, judged
from sensors.modbus.pdu import LONGEST_PDU, Defect, Mismatch

LONGEST_ASCII = 1 + 2 * (1 + LONGEST_PDU + 1) + 2


def lrc(data: bytes) -> int:
    """Two's complement of the sum of the bytes. Source: ibid., 6.2.1."""
    return -sum(data) & 0xFF


@dataclass(frozen=True)
class AsciiFraming:
    """On a serial line, and through serial device servers."""

    name: str = "ascii"
    numbered: bool = False

    def frame(self, unit: int, pdu: bytes, transaction: int = 0) -> bytes:
        body = bytes((unit,)) + pdu
        return b":" + (body + bytes((lrc(body),))).hex().upper().encode() + b"\r\n"

    def scan(self, request: Request, received: bytes | bytearray) -> Scanned:
        body = _body(received)
        if body is None or isinstance(body, Defect):
            return body
        data, end = body
        return judged(request, data[0], data[1:], end)

    def next_request(self, received: bytes | bytearray) -> tuple[Request, int] | Defect | None:
        body = _body(received)
        if body is None or isinstance(body, Defect):
            return body
        data, end = body
        return Request(data[0], data[1:]), end


def _body(received: bytes | bytearray) -> tuple[bytes, int] | Defect | None:
    """Unit and PDU of one whole frame, and the bytes it took."""
    if not received:
        return None
    if received[0] != ord(":"):
        return Defect(Mismatch.HEADER, f"found byte 0x{received[0]:02x}, expected a colon")
    end = received.find(b"\r\n")
    if end < 0:
        too_long = len(received) > LONGEST_ASCII
        return Defect(Mismatch.SIZE, f"found {len(received)} characters without an end") if too_long else None
    try:
        data = unhexlify(received[1:end])
    except (Error, ValueError):
        return Defect(Mismatch.CHECKSUM, "found characters that are no hexadecimal digits")
    if len(data) < 3:
        return Defect(Mismatch.SIZE, f"found a frame of {len(data)} bytes, expected at least 3")
    if lrc(data[:-1]) != data[-1]:
        return Defect(Mismatch.CHECKSUM, f"found LRC 0x{data[-1]:02x}, expected 0x{lrc(data[:-1]):02x}")
    return data[:-1], end + 2
