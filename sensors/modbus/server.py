"""Small Modbus servers for simulation and tests: over TCP and TLS in any framing, and over a pseudo-terminal.

What is no Modbus TCP closes the connection; on wires it is dropped. A unit that is not there is silent. Each unit
answers in order, however long an answer takes; several units on one line do not wait for each other.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tty
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sensors.modbus.answering import Store, answer
from sensors.modbus.faults import Fault, Misbehave, Pieces, Wire, behave
from sensors.modbus.faults import Request as Seen
from sensors.modbus.framing import Framing, Request
from sensors.modbus.framing_rtu import RtuFraming
from sensors.modbus.framing_tcp import TcpFraming
from sensors.modbus.pdu import Defect

#: One device under every unit id, or one by unit id.
Stores = Store | Mapping[int, Store]


class _Devices:
    """What is asked of the devices, and what they answer or do instead."""

    def __init__(self, stores: Stores, misbehave: Misbehave, framing: Framing) -> None:
        self._stores, self._misbehave, self.framing = stores, misbehave, framing
        self._served = 0

    def reaction(self, request: Request) -> Fault | Pieces:
        store = self._stores.get(request.unit) if isinstance(self._stores, Mapping) else self._stores
        if store is None:
            return Fault.SILENCE
        self._served += 1
        fault = self._misbehave(Seen(self._served, request.pdu, request.unit))
        if isinstance(fault, Fault):
            return fault
        if isinstance(fault, Wire):
            return fault.pieces(request, answer(request.pdu, store), self.framing)
        reply = answer(request.pdu, store) if fault is None else fault
        return [(0.0, self.framing.frame(request.unit, reply, request.transaction))]


@asynccontextmanager
async def modbus_server(
    stores: Stores,
    host: str = "127.0.0.1",
    port: int = 0,
    misbehave: Misbehave = behave,
    framing: Framing | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serves while in the context, which gives the bound port; ends all connections. Port 0 is any free one."""
    devices = _Devices(stores, misbehave, framing or TcpFraming())
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.difference_update({ended for ended in connections if ended.done() and not ended.exception()})
        connections.add(task)
        try:
            await _converse(devices, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # the other side is gone, or the server ends: nothing is left to say
        finally:
            writer.close()

    server = await asyncio.start_server(connected, host, port, ssl=tls)
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


async def _converse(devices: _Devices, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, until either side ends it."""
    received = bytearray()
    while data := await reader.read(4096):
        received += data
        while (found := devices.framing.next_request(received)) is not None:
            if isinstance(found, Defect):
                if devices.framing.numbered:
                    return
                received.clear()
                break
            request, size = found
            del received[:size]
            reaction = devices.reaction(request)
            if reaction is Fault.DISCONNECT:
                return
            if reaction is Fault.RESET:
                writer.transport.abort()
                return
            if reaction is Fault.HALF_OPEN:
                while await reader.read(4096):
                    pass
                return
            if not isinstance(reaction, Fault):
                await _send(reaction, writer)


async def _send(pieces: Pieces, writer: asyncio.StreamWriter) -> None:
    for wait_s, data in pieces:
        if wait_s:
            await asyncio.sleep(wait_s)
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def serial_server(
    stores: Stores, misbehave: Misbehave = behave, framing: Framing | None = None, byte_s: float = 0.0
) -> AsyncIterator[Path]:
    """Serves on a pseudo-terminal while in the context, which gives the path that a client opens.

    byte_s: time of a byte on the wires, which a pseudo-terminal does not impose by itself
    """
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    bus = _Bus(_Devices(stores, misbehave, framing or RtuFraming()), ours, byte_s)
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, bus.readable)
    try:
        yield Path(os.ttyname(theirs))
    finally:
        loop.remove_reader(ours)
        await bus.close()
        os.close(ours)
        os.close(theirs)


class _Bus:
    """The wires between a client and several devices."""

    def __init__(self, devices: _Devices, number: int, byte_s: float) -> None:
        self._devices, self._number, self._byte_s = devices, number, byte_s
        self._received = bytearray()
        self._busy: dict[int, asyncio.Task[None]] = {}

    def readable(self) -> None:
        try:
            self._received += os.read(self._number, 4096)
        except BlockingIOError:
            return
        while (found := self._devices.framing.next_request(self._received)) is not None:
            if isinstance(found, Defect):
                self._received.clear()
                return
            request, size = found
            del self._received[:size]
            reaction = self._devices.reaction(request)
            if not isinstance(reaction, Fault):
                answering = self._answer(self._busy.get(request.unit), size * self._byte_s, reaction)
                self._busy[request.unit] = asyncio.create_task(answering)

    async def close(self) -> None:
        for task in self._busy.values():
            task.cancel()
        ends = await asyncio.gather(*self._busy.values(), return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _answer(self, before: Awaitable[None] | None, request_s: float, pieces: Pieces) -> None:
        if before is not None:
            await before
        for wait_s, data in pieces:
            wait_s += request_s + len(data) * self._byte_s
            request_s = 0.0
            if wait_s:
                await asyncio.sleep(wait_s)
            os.write(self._number, data)
