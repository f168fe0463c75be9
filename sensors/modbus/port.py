"""Our thin port to a Modbus device: registers in and out, whatever the line."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from sensors.errors import DecodeError, SourceUnavailable
from sensors.modbus.line import Line
from sensors.modbus.lines import shared_line
from sensors.modbus.pdu import (
    RETRYABLE,
    exception_code,
    exception_text,
    fifo_request,
    file_request,
    read_request,
    reply_words,
    write_request,
)
from sensors.modbus.planner import Cost
from sensors.modbus.settings import LineSettings
from sensors.registers import Words, notation


class Refused(DecodeError):
    """The device answered with an exception that waiting does not cure. code: of the exception."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Port(Protocol):
    """A connected device. Addresses are 0-based; a bit counts as a register that holds 0 or 1.

    All raise SourceUnavailable when nobody answers, the answer is damaged or the device says that it cannot now, and
    Refused when it says that the request is wrong, so that the profile is; messages name the address in both
    notations.
    """

    async def read(self, table: str, address: int, count: int) -> Words:
        """(count,) raw registers, from one request."""
        ...

    async def read_file(self, file: int, record: int, count: int) -> Words:
        """(count,) registers of a file from a record number on, from one request."""
        ...

    async def read_fifo(self, address: int) -> Words:
        """(0 to 31,) registers that a queue holds, from one request."""
        ...

    async def write(self, table: str, address: int, values: Sequence[int], many: bool = False) -> None:
        """Writes raw values to consecutive registers, in one request; `many`: by the function for several."""
        ...


@asynccontextmanager
async def unit_port(settings: LineSettings, unit_id: int, timeout_s: float) -> AsyncIterator[UnitPort]:
    """A unit on a line, which it shares with all others that are on it; connected at the first request.

    timeout_s: for the connection, and for each answer
    """
    async with shared_line(settings) as line:
        yield UnitPort(line, unit_id, timeout_s)


class UnitPort:
    """One unit on a line."""

    def __init__(self, line: Line, unit_id: int, timeout_s: float) -> None:
        self.line = line
        self._unit = unit_id
        self._timeout_s = timeout_s

    @property
    def counts(self) -> Counter[str]:
        """What happened to the requests of this unit, by kind."""
        return Counter(self.line.counts_of[self._unit])

    def cost(self) -> Cost:
        """What a request costs in bus time, as far as it was measured."""
        return self.line.cost(self._unit)

    async def read(self, table: str, address: int, count: int) -> Words:
        return await self._words(read_request(table, address, count), lambda: notation(table, address))

    async def read_file(self, file: int, record: int, count: int) -> Words:
        return await self._words(file_request(file, record, count), lambda: f"file {file} record {record}")

    async def read_fifo(self, address: int) -> Words:
        return await self._words(fifo_request(address), lambda: f"queue {address}")

    async def write(self, table: str, address: int, values: Sequence[int], many: bool = False) -> None:
        await self._transact(write_request(table, address, values, many), lambda: notation(table, address))

    async def _words(self, pdu: bytes, place: Callable[[], str]) -> Words:
        return reply_words(pdu, await self._transact(pdu, place))

    async def _transact(self, pdu: bytes, place: Callable[[], str]) -> bytes:
        try:
            reply = await self.line.transact(self._unit, pdu, self._timeout_s)
        except SourceUnavailable as problem:
            raise SourceUnavailable(f"{place()}: {problem}") from problem
        code = exception_code(reply)
        if code is None:
            return reply
        what = f"{place()}: {exception_text(code)}"
        raise SourceUnavailable(what) if code in RETRYABLE else Refused(what, code)
