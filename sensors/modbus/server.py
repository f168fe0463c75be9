"""A small Modbus TCP server: frames in, replies out, over any store of registers. For simulation and tests.

Functions 1 to 6, 15 and 16; exceptions as the store refuses. What is no Modbus TCP closes the connection. pymodbus's
server is not used because it loses pipelined requests and answers from a datastore that cannot act on a write.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from sensors.modbus.wire import LONGEST_ADU, MBAP, READ, WRITE_MANY, WRITE_ONE
from sensors.registers import BIT_TABLES, Words

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
DEVICE_FAILURE, DEVICE_BUSY = 4, 6

_READ_TABLE = {function: table for table, function in READ.items()}
_WRITE_ONE_TABLE = {function: table for table, function in WRITE_ONE.items()}
_WRITE_MANY_TABLE = {function: table for table, function in WRITE_MANY.items()}
_MOST = {"coil": 2000, "discrete": 2000, "holding": 125, "input": 125}
_MOST_WRITTEN = {"coil": 1968, "holding": 123}


class Refusal(Exception):
    """The store refuses a request; `code` is the Modbus exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Store(Protocol):
    """Where the numbers are. Both raise Refusal."""

    def read(self, table: str, address: int, count: int) -> Words:
        """(count,) raw values; bits are 0 or 1."""
        ...

    def write(self, table: str, address: int, values: Sequence[int]) -> None:
        """Takes raw values; bits are 0 or 1."""
        ...


class Fault(Enum):
    """How a device may misbehave instead of answering."""

    SILENCE = "no answer"
    DISCONNECT = "the connection is closed"


@dataclass(frozen=True)
class Request:
    """What a script of misbehavior sees of a request.

    number: from 1, over all connections; pdu: function code and data
    """

    number: int
    pdu: bytes

    @property
    def address(self) -> int:
        """0-based."""
        return int.from_bytes(self.pdu[1:3], "big")


#: Decides for each request: None is the true answer, bytes are sent as the reply's PDU instead of it.
Misbehave = Callable[[Request], Fault | bytes | None]


def behave(request: Request) -> None:
    """No misbehavior at all."""


@asynccontextmanager
async def modbus_server(store: Store, host: str, port: int, misbehave: Misbehave) -> AsyncIterator[int]:
    """Serves `store` under every unit id while in the context, which gives the bound port; ends all connections."""
    connections: set[asyncio.Task[None]] = set()
    served = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        task = asyncio.current_task()
        assert task is not None
        connections.difference_update({ended for ended in connections if ended.done() and not ended.exception()})
        connections.add(task)
        try:
            while (adu := await _next_request(reader)) is not None:
                served += 1
                fault = misbehave(Request(served, adu[MBAP.size :]))
                if fault is Fault.DISCONNECT:
                    break
                if fault is not Fault.SILENCE:
                    reply = fault if isinstance(fault, bytes) else answer(adu[MBAP.size :], store)
                    transaction, _, _, unit = MBAP.unpack_from(adu)
                    writer.write(MBAP.pack(transaction, 0, len(reply) + 1, unit) + reply)
                    await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the other side is gone, or the server ends: nothing is left to say
        finally:
            writer.close()

    server = await asyncio.start_server(connected, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in connections:
            task.cancel()
        ends = await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)  # the event loop closes the sockets in its next turn
        for end in ends:
            if isinstance(end, Exception):
                raise end


async def _next_request(reader: asyncio.StreamReader) -> bytes | None:
    """One ADU; None at the end of the stream, and for anything that is no Modbus TCP."""
    try:
        header = await reader.readexactly(MBAP.size)
        _, protocol, length, _ = MBAP.unpack(header)
        if protocol != 0 or not 2 <= length <= LONGEST_ADU - MBAP.size + 1:
            return None
        return header + await reader.readexactly(length - 1)
    except asyncio.IncompleteReadError:
        return None


def answer(pdu: bytes, store: Store) -> bytes:
    """The reply's PDU to a request's PDU of at least one byte; any bytes get some answer."""
    try:
        return _answer(pdu, store)
    except Refusal as refusal:
        return bytes((pdu[0] | 0x80, refusal.code))


def _answer(pdu: bytes, store: Store) -> bytes:
    function = pdu[0]
    if function not in {**_READ_TABLE, **_WRITE_ONE_TABLE, **_WRITE_MANY_TABLE}:
        raise Refusal(ILLEGAL_FUNCTION)
    if len(pdu) < 5:
        raise Refusal(ILLEGAL_VALUE)
    address, second = struct.unpack_from(">HH", pdu, 1)
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
    if length != 5 or not 1 <= count <= _MOST[table]:
        raise Refusal(ILLEGAL_VALUE)
    if address + count > 0x10000:
        raise Refusal(ILLEGAL_ADDRESS)
    words = store.read(table, address, count)
    data = np.packbits(words != 0, bitorder="little") if table in BIT_TABLES else words.astype(">u2")
    return bytes((function, data.nbytes)) + data.tobytes()


def _write_many(pdu: bytes, address: int, count: int, store: Store) -> bytes:
    table = _WRITE_MANY_TABLE[pdu[0]]
    size = (count + 7) // 8 if table == "coil" else 2 * count
    if not 1 <= count <= _MOST_WRITTEN[table] or len(pdu) != 6 + size or pdu[5] != size:
        raise Refusal(ILLEGAL_VALUE)
    if address + count > 0x10000:
        raise Refusal(ILLEGAL_ADDRESS)
    if table == "coil":
        values = np.unpackbits(np.frombuffer(pdu, np.uint8, offset=6), bitorder="little")[:count].tolist()
    else:
        values = np.frombuffer(pdu, ">u2", offset=6).tolist()
    store.write(table, address, values)
    return pdu[:5]
