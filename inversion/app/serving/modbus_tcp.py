"""A Modbus TCP server for a plant's network: it is only read, and bounded against whoever asks.

So many connections, of which the quietest of the address that has most makes room; so many seconds to end a request,
to take an answer, to shake hands; so many requests a second. Source: Modbus Messaging on TCP/IP V1.0b, 4.2.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from inversion.app.serving.place import Place
from sensors.modbus.answering import Store, answer
from sensors.modbus.framing_tcp import TcpFraming
from sensors.modbus.pdu import Defect

_READ = 2048  # bytes at once
_UNTAKEN = 16_384  # bytes of answers that wait in the kernel for one connection; it would take megabytes
_AGAIN_S = 1.0

log = logging.getLogger("inversion.gateway")


@dataclass(frozen=True)
class Bounds:
    """connections: at once; patience_s: for a request begun, an answer not taken, a handshake; idle_s: between requests
    a_second: requests of one connection, after so many at once
    """

    connections: int = 16
    patience_s: float = 5.0
    idle_s: float = 120.0
    a_second: float = 200.0
    at_once: int = 20


@dataclass(eq=False)
class _Client:
    connection: socket.socket
    address: str
    began: bool = False
    asked: bool = False
    heard_s: float = field(default_factory=time.monotonic)
    task: asyncio.Task[None] | None = None


class _Pace:
    """How long a connection waits before its next request."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds, self._left, self._at_s = bounds, float(bounds.at_once), time.monotonic()

    def pause_s(self) -> float:
        """Counts one request; 0 while there were few."""
        now_s, bounds = time.monotonic(), self._bounds
        self._left = min(bounds.at_once, self._left + (now_s - self._at_s) * bounds.a_second) - 1.0
        self._at_s = now_s
        return max(0.0, -self._left / bounds.a_second)


class ModbusServer:
    """Serves a store while it is open. tls: makes the context of each connection, from the files as they are then."""

    def __init__(self, store: Store, bounds: Bounds, tls: Callable[[], ssl.SSLContext] | None = None) -> None:
        self._store, self._bounds, self._tls = store, bounds, tls
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._clients: set[_Client] = set()
        self._said: set[str] = set()

    def open(self, place: Place) -> int:
        """Listens; the bound port. Raises OSError where the place is taken."""
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        listener = socket.create_server((place.host, place.port), family=family, backlog=self._bounds.connections)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNTAKEN)  # of all connections that it accepts
        self._listener = listener
        self._accepting = asyncio.get_running_loop().create_task(self._accept(listener))
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Ends all connections."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
        for client in list(self._clients):
            await self._end(client)
        await asyncio.sleep(0)  # the event loop closes the sockets in its next turn
        if self._listener is not None:
            self._listener.close()
        self._listener = self._accepting = None

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as problem:  # no file descriptor is left, say
                self._say_once(f"cannot accept a connection: {problem.strerror}")
                await asyncio.sleep(_AGAIN_S)
                continue
            client = _Client(connection, str(peer[0]))
            client.task = loop.create_task(self._serve(client))
            self._clients.add(client)
            if len(self._clients) > self._bounds.connections:
                await self._make_room(client)

    async def _make_room(self, newest: _Client) -> None:
        """Ends one of the address that has most: one that never asked, or else the one that was quiet longest."""
        held = Counter(each.address for each in self._clients)
        quiet = min(self._clients - {newest}, key=lambda each: (-held[each.address], each.asked, each.heard_s))
        self._say_once(f"{self._bounds.connections} connections at once: the quietest makes room")
        await self._end(quiet)

    async def _end(self, client: _Client) -> None:
        self._clients.discard(client)
        if client.task is not None:
            client.task.cancel()
            await asyncio.gather(client.task, return_exceptions=True)
        if not client.began:  # then nothing of its task has run, nor does its end
            client.connection.close()

    async def _serve(self, client: _Client) -> None:
        client.began = True
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await self._opened(client.connection)
            await self._converse(client, reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError) as end:
            if isinstance(end, ssl.SSLError | ConnectionError) and self._tls is not None and writer is None:
                self._say_once(f"a connection was refused: {getattr(end, 'reason', None) or end}")
        finally:
            self._clients.discard(client)
            if writer is None:
                client.connection.close()
            else:
                writer.transport.abort()

    async def _opened(self, connection: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_READ, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        patience = None if self._tls is None else self._bounds.patience_s
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, connection, ssl=None if self._tls is None else self._tls(), ssl_handshake_timeout=patience
        )
        transport.set_write_buffer_limits(high=_READ)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _converse(self, client: _Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until either side ends it; what is no Modbus TCP ends it."""
        framing, received = TcpFraming(), bytearray()
        begun_s, pace = time.monotonic(), _Pace(self._bounds)
        while True:
            wait_s = self._bounds.idle_s if not received else begun_s + self._bounds.patience_s - time.monotonic()
            async with asyncio.timeout(max(0.0, wait_s)):
                data = await reader.read(_READ)
            if not data:
                return
            if not received:
                begun_s = time.monotonic()
            received += data
            while (found := framing.next_request(received)) is not None:
                if isinstance(found, Defect):
                    return
                request, size = found
                del received[:size]
                client.asked, begun_s = True, time.monotonic()
                client.heard_s = begun_s
                writer.write(framing.frame(request.unit, answer(request.pdu, self._store), request.transaction))
                async with asyncio.timeout(self._bounds.patience_s):
                    await writer.drain()
                await asyncio.sleep(pace.pause_s())  # also of none: others have their turn

    def _say_once(self, what: str) -> None:
        if what not in self._said and len(self._said) < 16:
            self._said.add(what)
            log.warning("modbus_server: %s", what)
