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
from typing import Protocol, runtime_checkable

from sensors.modbus.answering import Store, answer
from sensors.modbus.faults import Fault, Misbehave, Pieces, Restart, Wire, behave
from sensors.modbus.faults import Request as Seen
from sensors.modbus.framing import Framing, Request
from sensors.modbus.framing_rtu import RtuFraming
from sensors.modbus.framing_tcp import TcpFraming
from sensors.modbus.pdu import Defect

#: One device under every unit id, or one by unit id.
Stores = Store | Mapping[int, Store]


@runtime_checkable
class Restarting(Protocol):
    """A store that forgets something when its device restarts."""

    def restart(self) -> None:
        """The device was switched off and on."""
        ...


class _Devices:
    """What is asked of the devices, and what they answer or do instead."""

    def __init__(self, stores: Stores, misbehave: Misbehave, framing: Framing) -> None:
        self._stores, self._misbehave, self.framing = stores, misbehave, framing
        self._served = 0

    def reaction(self, request: Request) -> Fault | Restart | Pieces:
        store = self._store(request.unit)
        if store is None:
            return Fault.SILENCE
        self._served += 1
        fault = self._misbehave(Seen(self._served, request.pdu, request.unit))
        if isinstance(fault, (Fault, Restart)):
            return fault
        if isinstance(fault, Wire):
            return fault.pieces(request, answer(request.pdu, store), self.framing)
        reply = answer(request.pdu, store) if fault is None else fault
        return [(0.0, self.framing.frame(request.unit, reply, request.transaction))]

    def restart(self, unit: int) -> None:
        """Of that unit; behind one connection, all units are one device."""
        stores = self._stores.values() if isinstance(self._stores, Mapping) else (self._stores,)
        for store in stores if self.framing.numbered else (self._store(unit),):
            if isinstance(store, Restarting):
                store.restart()

    def _store(self, unit: int) -> Store | None:
        return self._stores.get(unit) if isinstance(self._stores, Mapping) else self._stores


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
    listener = _Listener(_Devices(stores, misbehave, framing or TcpFraming()), host, tls)
    try:
        yield await listener.open(port)
    finally:
        await listener.close()


class _Listener:
    """A listening socket and its connections; it may restart."""

    def __init__(self, devices: _Devices, host: str, tls: ssl.SSLContext | None) -> None:
        self._devices, self._host, self._tls = devices, host, tls
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self._restarting: asyncio.Task[None] | None = None

    async def open(self, port: int) -> int:
        self._server = await asyncio.start_server(self._connected, self._host, port, ssl=self._tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.wait((self._restarting,))
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        ends = await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        await asyncio.sleep(0)  # the event loop closes the sockets in its next turn
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        for ended in [one for one in self._connections if one.done() and not one.exception()]:
            del self._connections[ended]
        self._connections[task] = writer
        try:
            restart = await _converse(self._devices, reader, writer)
            if restart is not None and (self._restarting is None or self._restarting.done()):
                self._restarting = asyncio.create_task(self._restart(*restart))
        except (OSError, asyncio.CancelledError):
            pass  # the other side is gone, or the server ends: nothing is left to say
        finally:
            writer.close()

    async def _restart(self, unit: int, seconds: float) -> None:
        assert self._server is not None
        port = int(self._server.sockets[0].getsockname()[1])
        self._server.close()
        for writer in self._connections.values():
            writer.transport.abort()
        self._devices.restart(unit)
        await asyncio.sleep(seconds)
        await self.open(port)


async def _converse(
    devices: _Devices, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[int, float] | None:
    """One connection, until either side ends it; where a restart is why, its unit, and for how long, s."""
    received = bytearray()
    while data := await reader.read(4096):
        received += data
        while (found := devices.framing.next_request(received)) is not None:
            if isinstance(found, Defect):
                if devices.framing.numbered:
                    return None
                received.clear()
                break
            request, size = found
            del received[:size]
            reaction = devices.reaction(request)
            if isinstance(reaction, Restart):
                return request.unit, reaction.seconds
            if reaction is Fault.DISCONNECT:
                return None
            if reaction is Fault.RESET:
                writer.transport.abort()
                return None
            if reaction is Fault.HALF_OPEN:
                while await reader.read(4096):
                    pass
                return None
            if not isinstance(reaction, Fault):
                await _send(reaction, writer)
    return None


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
        self._away: dict[int, float] = {}  # until when, by unit

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
            loop = asyncio.get_running_loop()
            if loop.time() < self._away.get(request.unit, 0.0):
                continue
            reaction = self._devices.reaction(request)
            if isinstance(reaction, Restart):
                self._away[request.unit] = loop.time() + reaction.seconds
                self._devices.restart(request.unit)
                if request.unit in self._busy:
                    self._busy[request.unit].cancel()
            elif not isinstance(reaction, Fault):
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
