"""Requests and replies without their framing (PDU): how a request is made, what its reply must be, what it carries.

Source: Modbus Application Protocol V1.1b3, sections 6 (functions) and 7 (exceptions).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sensors.registers import Words

#: Functions by table.
READ = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WRITE_ONE = {"coil": 5, "holding": 6}
WRITE_MANY = {"coil": 15, "holding": 16}
READ_FILE, READ_FIFO = 0x14, 0x18

#: Most registers or bits that one request may ask for, by table; a file record and a FIFO queue have their own.
MOST = {"coil": 2000, "discrete": 2000, "holding": 125, "input": 125}
MOST_WRITTEN = {"coil": 1968, "holding": 123}
MOST_FILE, MOST_FIFO = 124, 31
LONGEST_PDU = 253
FILE_REFERENCE = 6

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
DEVICE_FAILURE, DEVICE_BUSY = 4, 6
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


class Mismatch(StrEnum):
    """Why received bytes are not the reply to the request; each is counted under this name."""

    TRANSACTION = "transaction id"
    HEADER = "header"
    UNIT = "unit id"
    FUNCTION = "function"
    SIZE = "byte count"
    CHECKSUM = "checksum"
    ECHO = "echo"
    UNSOLICITED = "unsolicited bytes"


@dataclass(frozen=True, slots=True)
class Defect:
    """What is wrong with a reply: the kind, and one line for people."""

    kind: Mismatch
    what: str


def read_request(table: str, address: int, count: int) -> bytes:
    """Asks for `count` registers (or bits) from `address` on."""
    return struct.pack(">BHH", READ[table], address, count)


def write_request(table: str, address: int, values: Sequence[int], many: bool = False) -> bytes:
    """Writes raw values to consecutive registers or coils; one value by the function for one, unless `many`."""
    if len(values) == 1 and not many:
        value = (0xFF00 if values[0] else 0) if table == "coil" else values[0]
        return struct.pack(">BHH", WRITE_ONE[table], address, value)
    if table == "coil":
        data = np.packbits(np.asarray(values, dtype=bool), bitorder="little").tobytes()
    else:
        data = np.asarray(values, dtype=">u2").tobytes()
    return struct.pack(">BHHB", WRITE_MANY[table], address, len(values), len(data)) + data


def file_request(file: int, record: int, count: int) -> bytes:
    """Asks for `count` registers of a file from a record number on (0x14, one sub-request)."""
    return struct.pack(">BBBHHH", READ_FILE, 7, FILE_REFERENCE, file, record, count)


def fifo_request(address: int) -> bytes:
    """Asks for what a FIFO queue holds, at most 31 registers (0x18)."""
    return struct.pack(">BH", READ_FIFO, address)


def reply_size(request: bytes, head: bytes | bytearray | memoryview) -> int | Defect | None:
    """Bytes of the reply's PDU, as soon as its first bytes tell; None where more are needed.

    head: the first bytes of the reply's PDU, any number of them
    """
    if not head:
        return None
    function = request[0]
    if head[0] == function | 0x80:
        return 2
    if head[0] != function:
        return Defect(Mismatch.FUNCTION, f"found function 0x{head[0]:02x}, expected 0x{function:02x}")
    if function in _COUNTED:
        return _size(head[1], _data_size(request), 2) if len(head) > 1 else None
    if function == READ_FIFO:
        stated = int.from_bytes(head[1:3], "big")
        return None if len(head) < 3 else _size(stated, min(max(2, stated), 2 + 2 * MOST_FIFO), 3)
    return 5


_COUNTED = frozenset({*READ.values(), READ_FILE})


def _size(stated: int, expected: int, head: int) -> int | Defect:
    if stated != expected:
        return Defect(Mismatch.SIZE, f"found {stated} bytes of data stated, expected {expected}")
    return head + expected


def _data_size(request: bytes) -> int:
    """Bytes of data that the reply to a read or file request states."""
    function = request[0]
    if function == READ_FILE:
        return 2 + 2 * int.from_bytes(request[7:9], "big")
    count = int.from_bytes(request[3:5], "big")
    return 2 * count if function in (3, 4) else (count + 7) // 8


def longest_reply(request: bytes) -> int:
    """Bytes of the longest good reply's PDU."""
    if request[0] == READ_FIFO:
        return 5 + 2 * MOST_FIFO
    return 2 + _data_size(request) if request[0] in _COUNTED else 5


def reply_defect(request: bytes, reply: bytes) -> Defect | None:
    """What is wrong with a whole reply to this request; None where nothing is. An exception is a good reply."""
    size = reply_size(request, reply)
    if isinstance(size, Defect):
        return size
    if size is None or size != len(reply):
        return Defect(Mismatch.SIZE, f"found a reply of {len(reply)} bytes, expected {size or 'more'}")
    function = request[0]
    if reply[0] != function or function in READ.values():
        return None
    if function == READ_FILE:
        return _file_defect(request, reply)
    if function == READ_FIFO:
        return _fifo_defect(reply)
    echo = request[:5]
    return None if reply == echo else Defect(Mismatch.ECHO, f"found {reply.hex(' ')}, expected {echo.hex(' ')}")


def _file_defect(request: bytes, reply: bytes) -> Defect | None:
    stated, expected = reply[2], _data_size(request) - 1
    if (stated, reply[3]) == (expected, FILE_REFERENCE):
        return None
    return Defect(Mismatch.SIZE, f"found a sub-reply of {stated} bytes, type {reply[3]}, expected {expected}, type 6")


def _fifo_defect(reply: bytes) -> Defect | None:
    stated, count = struct.unpack_from(">HH", reply, 1)
    if stated == 2 + 2 * count and count <= MOST_FIFO:
        return None
    return Defect(Mismatch.SIZE, f"found a queue of {count} registers in {stated} bytes")


def exception_code(reply: bytes) -> int | None:
    """The code of an exception reply; None for any other."""
    return reply[1] if reply[0] & 0x80 else None


def exception_text(code: int) -> str:
    """`exception 0x02 (illegal data address)`."""
    return f"exception 0x{code:02x} ({EXCEPTIONS.get(code, 'not in the standard')})"


def reply_words(request: bytes, reply: bytes) -> Words:
    """(count,) raw registers that a good reply to a read, file or FIFO request carries; bits are 0 or 1."""
    function = request[0]
    if function in (3, 4):
        return np.frombuffer(reply, dtype=">u2", offset=2).astype(np.uint16)
    if function in (1, 2):
        count = int.from_bytes(request[3:5], "big")
        bits = np.unpackbits(np.frombuffer(reply, dtype=np.uint8, offset=2), bitorder="little")
        return bits[:count].astype(np.uint16)
    start = 4 if function == READ_FILE else 5
    return np.frombuffer(reply, dtype=">u2", offset=start).astype(np.uint16)
