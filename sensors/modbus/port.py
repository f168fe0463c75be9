"""Our thin port to a Modbus device; pymodbus stays behind it.

One request is under way at a time. After any failure the connection is not used again: the caller leaves the context
and opens a new one, so that a late reply can never answer a later request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

import numpy as np
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from sensors.errors import DecodeError, SourceUnavailable
from sensors.modbus.wire import EXCEPTIONS, RETRYABLE, defect
from sensors.registers import BIT_TABLES, Words, notation

Call = Callable[..., Awaitable[ModbusPDU]]


class Port(Protocol):
    """A connected device. Addresses are 0-based; a bit counts as a register that holds 0 or 1.

    Both raise SourceUnavailable when nobody answers, the answer is damaged or the device says that it cannot now, and
    DecodeError when it says that the request is wrong, so that the profile is; messages name the address in both
    notations.
    """

    async def read(self, table: str, address: int, count: int) -> Words:
        """(count,) raw registers, from one request."""
        ...

    async def write(self, table: str, address: int, values: Sequence[int]) -> None:
        """Writes raw values to consecutive registers, in one request."""
        ...


@asynccontextmanager
async def tcp_port(host: str, port: int, unit_id: int, timeout_s: float) -> AsyncIterator[Port]:
    """A port over Modbus TCP, connected; closed on leaving. Raises SourceUnavailable when it cannot be connected.

    timeout_s: for the connection, and for each answer
    """
    connected = _TcpPort(host, port, unit_id, timeout_s)
    try:
        await connected.connect()
        yield connected
    finally:
        await connected.close()


class _TcpPort:
    """pymodbus's client without its retries, its reconnections and its log."""

    def __init__(self, host: str, port: int, unit_id: int, timeout_s: float) -> None:
        self._unit = unit_id
        self._timeout_s = timeout_s
        self._request = b""
        self._answer: asyncio.Timeout | None = None  # of the request under way
        self._fault = ""
        self._client = AsyncModbusTcpClient(
            host,
            port=port,
            timeout=2 * timeout_s,  # ours comes first
            retries=0,
            reconnect_delay=0,
            trace_packet=self._packet,
            trace_connect=self._connection,
        )
        _quiet()

    async def connect(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                connected = await self._client.connect()
        except TimeoutError:
            raise SourceUnavailable(f"no connection within {self._timeout_s:g} s") from None
        if not connected:
            raise SourceUnavailable("connection refused, or no such host")

    async def close(self) -> None:
        self._client.close()
        await asyncio.sleep(0)  # the event loop closes the socket in its next turn

    async def read(self, table: str, address: int, count: int) -> Words:
        function = {
            "coil": self._client.read_coils,
            "discrete": self._client.read_discrete_inputs,
            "holding": self._client.read_holding_registers,
            "input": self._client.read_input_registers,
        }[table]
        reply = await self._transact(partial(function, address, count=count, device_id=self._unit), table, address)
        values = reply.bits if table in BIT_TABLES else reply.registers
        return np.array(values[:count], dtype=np.uint16)

    async def write(self, table: str, address: int, values: Sequence[int]) -> None:
        client, unit = self._client, self._unit
        call: Call
        if table == "coil":
            bits = [bool(value) for value in values]
            one, many = partial(client.write_coil, address, bits[0]), partial(client.write_coils, address, bits)
            call = one if len(bits) == 1 else many
        else:
            words = [int(value) for value in values]
            one, many = (
                partial(client.write_register, address, words[0]),
                partial(client.write_registers, address, words),
            )
            call = one if len(words) == 1 else many
        await self._transact(partial(call, device_id=unit), table, address)

    async def _transact(self, call: Call, table: str, address: int) -> ModbusPDU:
        """One request and its reply; every way it can fail becomes one of our errors."""
        place = notation(table, address)
        if self._fault:
            raise SourceUnavailable(f"{place}: {self._fault}")
        try:
            async with asyncio.timeout(self._timeout_s) as self._answer:
                reply = await call()
        except TimeoutError:
            why = self._fault or f"no answer within {self._timeout_s:g} s"
            raise SourceUnavailable(f"{place}: {why}") from None
        except ModbusException as problem:
            raise SourceUnavailable(f"{place}: {problem}") from problem
        finally:
            self._answer = None
        if reply.isError():
            code = reply.exception_code
            what = f"{place}: exception 0x{code:02x} ({EXCEPTIONS.get(code, 'not in the standard')})"
            raise SourceUnavailable(what) if code in RETRYABLE else DecodeError(what)
        return reply

    def _packet(self, sending: bool, data: bytes) -> bytes:
        """Called by pymodbus with every request, and with what has been received since; checks before it decodes."""
        if sending:
            self._request = data
            return data
        what = defect(self._request, data)
        if not what:
            return data
        self._fail(f"damaged reply: {what}")
        return b""

    def _connection(self, connected: bool) -> None:
        """Called by pymodbus when the connection is made, and when the other side ends it."""
        if not connected:
            self._fail("the device closed the connection")

    def _fail(self, fault: str) -> None:
        """Ends the wait for the answer now rather than at the time-out."""
        self._fault = self._fault or fault
        if self._answer is not None and not self._answer.expired():
            self._answer.reschedule(asyncio.get_running_loop().time())


def _quiet() -> None:
    """pymodbus logs every lost device as an error; we raise it instead. Whoever wants its log sets its level first."""
    logger = logging.getLogger("pymodbus.logging")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
