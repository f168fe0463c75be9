"""Modbus on the wire: what a reply must be for its request, and what exception codes mean.

Source: Modbus Application Protocol V1.1b3 (functions, exceptions), Modbus Messaging on TCP/IP V1.0b (MBAP header).
"""

from __future__ import annotations

import struct

#: Transaction id, protocol id (0), bytes that follow, unit id.
MBAP = struct.Struct(">HHHB")
LONGEST_ADU = 260

#: Functions by table.
READ = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WRITE_ONE = {"coil": 5, "holding": 6}
WRITE_MANY = {"coil": 15, "holding": 16}

EXCEPTIONS = {
    0x01: "illegal function",
    0x02: "illegal data address",
    0x03: "illegal data value",
    0x04: "server device failure",
    0x05: "acknowledge, still working",
    0x06: "server device busy",
    0x08: "memory parity error",
    0x0A: "gateway path unavailable",
    0x0B: "gateway target device failed to respond",
}

#: Exceptions that waiting may cure; the others contradict the device profile.
RETRYABLE = frozenset({0x04, 0x05, 0x06, 0x08, 0x0A, 0x0B})


def defect(request: bytes, received: bytes) -> str:
    """What is wrong with the bytes received so far as a reply to `request` (an ADU); empty where nothing is.

    Incomplete replies and replies to other requests (another transaction or unit id) are left to the reader.
    """
    while len(received) >= MBAP.size:
        transaction, protocol, length, unit = MBAP.unpack_from(received)
        if protocol != 0 or not 2 < length + 1 <= LONGEST_ADU - MBAP.size + 2:
            return f"found protocol id {protocol} and length {length}, expected a Modbus TCP header"
        end = MBAP.size - 1 + length
        if len(received) < end:
            return ""
        if transaction == 0:
            return "found transaction id 0, expected that of the request"
        if (transaction, unit) == (_transaction(request), request[6]):
            return _pdu_defect(request[MBAP.size :], received[MBAP.size : end])
        received = received[end:]
    return ""


def _transaction(adu: bytes) -> int:
    return int.from_bytes(adu[:2], "big")


def _pdu_defect(request: bytes, reply: bytes) -> str:
    function = request[0]
    if reply[0] == function | 0x80:
        return "" if len(reply) == 2 else f"found an exception of {len(reply)} bytes, expected 2"
    if reply[0] != function:
        return f"found function 0x{reply[0]:02x}, expected 0x{function:02x}"
    if function in READ.values():
        count = int.from_bytes(request[3:5], "big")
        expected = 2 * count if function in (3, 4) else (count + 7) // 8
        stated = reply[1] if len(reply) > 1 else 0
        if stated != expected or len(reply) != 2 + expected:
            return f"found {len(reply) - 2} bytes of data ({stated} stated), expected {expected}"
        return ""
    echo = request[:5]
    return "" if reply == echo else f"found the echo {reply.hex(' ')}, expected {echo.hex(' ')}"
