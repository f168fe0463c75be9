"""What a device answers: the reply's PDU to a request's PDU, over any store of registers. For simulation and tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from sensors.modbus.pdu import (
    FILE_REFERENCE,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    MOST,
    MOST_FIFO,
    MOST_FILE,
    MOST_WRITTEN,
    READ,
    READ_FIFO,
    READ_FILE,
    WRITE_MANY,
    WRITE_ONE,
)
from sensors.registers import BIT_TABLES, Words

_READ_TABLE = {function: table for table, function in READ.items()}
_WRITE_ONE_TABLE = {function: table for table, function in WRITE_ONE.items()}
_WRITE_MANY_TABLE = {function: table for table, function in WRITE_MANY.items()}
_ECHO = 8


class Refusal(Exception):
    """The store refuses a request; `code` is the Modbus exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Store(Protocol):
    """Where the numbers are. All raise Refusal."""

    def read(self, table: str, address: int, count: int) -> Words:
        """(count,) raw values; bits are 0 or 1."""
        ...

    def write(self, table: str, address: int, values: Sequence[int]) -> None:
        """Takes raw values; bits are 0 or 1."""
        ...

    def read_file(self, file: int, record: int, count: int) -> Words:
        """(count,) registers of a file."""
        ...

    def read_fifo(self, address: int) -> Words:
        """(0 to 31,) registers of a queue, which it gives away."""
        ...


def answer(pdu: bytes, store: Store) -> bytes:
    """The reply's PDU to a request's PDU of at least one byte; any bytes get some answer."""
    try:
        return _answer(pdu, store)
    except Refusal as refusal:
        return bytes((pdu[0] | 0x80, refusal.code))


def _answer(pdu: bytes, store: Store) -> bytes:
    function = pdu[0]
    if function == READ_FILE:
        return _read_file(pdu, store)
    if function == READ_FIFO:
        return _read_fifo(pdu, store)
    if function not in {**_READ_TABLE, **_WRITE_ONE_TABLE, **_WRITE_MANY_TABLE, _ECHO: ""}:
        raise Refusal(ILLEGAL_FUNCTION)
    if len(pdu) < 5:
        raise Refusal(ILLEGAL_VALUE)
    address, second = struct.unpack_from(">HH", pdu, 1)
    if function == _ECHO:
        if address != 0:
            raise Refusal(ILLEGAL_FUNCTION)
        return pdu
    if function in _READ_TABLE:
        return _read(function, address, second, len(pdu), store)
    if function in _WRITE_ONE_TABLE:
        table = _WRITE_ONE_TABLE[function]
        if len(pdu) != 5 or (table == "coil" and second not in (0, 0xFF00)):
            raise Refusal(ILLEGAL_VALUE)
        store.write(table, address, [int(second != 0)] if table == "coil" else [second])
        return pdu
    return _write_many(pdu, address, second, store)


def _read(function: int, address: int, count: int, length: int, store: Store) -> bytes:
    table = _READ_TABLE[function]
    if length != 5 or not 1 <= count <= MOST[table]:
        raise Refusal(ILLEGAL_VALUE)
    if address + count > 0x10000:
        raise Refusal(ILLEGAL_ADDRESS)
    words = store.read(table, address, count)
    data = np.packbits(words != 0, bitorder="little") if table in BIT_TABLES else words.astype(">u2")
    return bytes((function, data.nbytes)) + data.tobytes()


def _read_file(pdu: bytes, store: Store) -> bytes:
    if len(pdu) != 9 or pdu[1:3] != bytes((7, FILE_REFERENCE)):
        raise Refusal(ILLEGAL_VALUE)
    file, record, count = struct.unpack_from(">HHH", pdu, 3)
    if not 1 <= count <= MOST_FILE:
        raise Refusal(ILLEGAL_VALUE)
    data = store.read_file(file, record, count).astype(">u2").tobytes()
    return bytes((READ_FILE, len(data) + 2, len(data) + 1, FILE_REFERENCE)) + data


def _read_fifo(pdu: bytes, store: Store) -> bytes:
    if len(pdu) != 3:
        raise Refusal(ILLEGAL_VALUE)
    words = store.read_fifo(int.from_bytes(pdu[1:3], "big"))
    if words.size > MOST_FIFO:
        raise Refusal(ILLEGAL_VALUE)
    return struct.pack(">BHH", READ_FIFO, 2 + words.nbytes, words.size) + words.astype(">u2").tobytes()


def _write_many(pdu: bytes, address: int, count: int, store: Store) -> bytes:
    table = _WRITE_MANY_TABLE[pdu[0]]
    size = (count + 7) // 8 if table == "coil" else 2 * count
    if not 1 <= count <= MOST_WRITTEN[table] or len(pdu) != 6 + size or pdu[5] != size:
        raise Refusal(ILLEGAL_VALUE)
    if address + count > 0x10000:
        raise Refusal(ILLEGAL_ADDRESS)
    if table == "coil":
        values = np.unpackbits(np.frombuffer(pdu, np.uint8, offset=6), bitorder="little")[:count].tolist()
    else:
        values = np.frombuffer(pdu, ">u2", offset=6).tolist()
    store.write(table, address, values)
    return pdu[:5]
