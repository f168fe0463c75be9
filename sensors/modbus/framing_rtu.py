"""Modbus RTU: unit, PDU, CRC. Source: Modbus over Serial Line V1.02, 2.5.1.

The length of a reply follows from its request, so a reply is whole when its last byte is there, whatever the pauses
between the pieces that an adapter delivers. The line adds that nothing may follow for the inter-frame silence.
"""

from __future__ import annotations

from dataclasses import dataclass

from sensors.modbus.framing import Request, Scanned, judged
from sensors.modbus.pdu import LONGEST_PDU, READ, READ_FIFO, READ_FILE, WRITE_ONE, Defect, Mismatch, reply_size


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _crc_table()


def crc(data: bytes | bytearray) -> int:
    """CRC-16 of Modbus (polynomial 0xA001 reflected, start 0xFFFF); sent low byte first. Source: ibid., 6.2.2."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value


@dataclass(frozen=True)
class RtuFraming:
    """On a serial line, and through serial device servers."""

    name: str = "rtu"
    numbered: bool = False

    def frame(self, unit: int, pdu: bytes, transaction: int = 0) -> bytes:
        body = bytes((unit,)) + pdu
        return body + crc(body).to_bytes(2, "little")

    def scan(self, request: Request, received: bytes | bytearray) -> Scanned:
        if not received:
            return None
        if received[0] != request.unit:
            return Defect(Mismatch.UNIT, f"found a frame of unit {received[0]}, expected unit {request.unit}")
        size = reply_size(request.pdu, received[1:5])
        if isinstance(size, Defect) and received[:3] == self.frame(request.unit, request.pdu)[:3]:
            return Defect(size.kind, f"{size.what}; it begins as the request does: is the echo of the adapter on?")
        if size is None or isinstance(size, Defect):
            return size
        end = 1 + size + 2
        if len(received) < end:
            return None
        found, expected = int.from_bytes(received[end - 2 : end], "little"), crc(received[: end - 2])
        if found != expected:
            return Defect(Mismatch.CHECKSUM, f"found CRC 0x{found:04x}, expected 0x{expected:04x}")
        return judged(request, received[0], bytes(received[1 : end - 2]), end)

    def next_request(self, received: bytes | bytearray) -> tuple[Request, int] | Defect | None:
        size = _request_size(received)
        if size is None or isinstance(size, Defect):
            return size
        end = size + 2
        if len(received) < end:
            return None
        if int.from_bytes(received[end - 2 : end], "little") != crc(received[: end - 2]):
            return Defect(Mismatch.CHECKSUM, "the CRC of the request is wrong")
        return Request(received[0], bytes(received[1 : end - 2])), end


def _request_size(received: bytes | bytearray) -> int | Defect | None:
    """Bytes of unit and PDU of a request, as soon as its first bytes tell."""
    if len(received) < 3:
        return None
    function = received[1]
    if function in READ.values() or function in WRITE_ONE.values() or function == 8:
        return 6
    if function in (15, 16):
        return None if len(received) < 7 else 7 + received[6]
    if function == READ_FILE:
        return 3 + received[2]
    if function == READ_FIFO:
        return 4
    return Defect(Mismatch.FUNCTION, f"found function 0x{function:02x}, whose length is not known")


#: Unit, PDU and CRC.
LONGEST_RTU = 1 + LONGEST_PDU + 2
