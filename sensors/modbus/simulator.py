"""A simulated Modbus TCP device: any profile, served from a machine that answers in SI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sensors.capture import Capture, Start, WaveformBlock
from sensors.modbus.server import (
    DEVICE_BUSY,
    DEVICE_FAILURE,
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    Misbehave,
    Refusal,
    behave,
    modbus_server,
)
from sensors.profile import Profile
from sensors.registers import TABLES, WRITABLE_TABLES, Words


class Machine(Protocol):
    """What the simulated sensor is mounted on."""

    def capture(self, wanted: Mapping[str, int]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Called once at each trigger, in a thread of its own: samples by channel, of the wanted lengths, SI."""
        ...

    def measure(self, name: str) -> float:
        """Called when the register of that name is read, possibly while `capture` runs: its value, SI."""
        ...


@dataclass(frozen=True)
class Device:
    """A simulated device that is being served."""

    host: str
    port: int


@asynccontextmanager
async def serve(
    profile: Profile,
    machine: Machine,
    host: str = "127.0.0.1",
    port: int = 0,
    misbehave: Misbehave = behave,
) -> AsyncIterator[Device]:
    """Serves a device of that profile while in the context. Port 0 is any free one; the context tells which.

    An error of the machine during a capture is raised on leaving the context; until then the device's status is an
    error value, or stays busy where the profile has none.
    """
    registers = _Registers(profile, machine)
    try:
        async with modbus_server(registers, host, port, misbehave) as bound:
            yield Device(host, bound)
    finally:
        await registers.close()


class _Registers:
    """The four tables of one simulated device, and what writing to them sets off."""

    def __init__(self, profile: Profile, machine: Machine) -> None:
        self._profile = profile
        self._machine = machine
        self._values = {table: np.zeros(0x10000, dtype=np.uint16) for table in TABLES}
        self._exists = {table: np.zeros(0x10000, dtype=bool) for table in TABLES}
        self._buffers: dict[str, Words] = {}  # by channel: the whole waveform, of which the buffer shows a page
        self._capturing: asyncio.Task[None] | None = None
        for table, address, length, _ in profile.places():
            self._exists[table][address : address + length] = True

    def read(self, table: str, address: int, count: int) -> Words:
        self._check_exists(table, address, count)
        for register in self._profile.registers:
            end = register.address + register.encoding.width
            if register.table == table and address < end and register.address < address + count:
                words = register.encode(self._machine.measure(register.name))
                self._values[table][register.address : end] = words
        return self._values[table][address : address + count].copy()

    def write(self, table: str, address: int, values: Sequence[int]) -> None:
        self._check_exists(table, address, len(values))
        if table not in WRITABLE_TABLES:
            raise Refusal(ILLEGAL_ADDRESS)
        for place, value in enumerate(values, start=address):
            self._turn_page(table, place, value)
            self._values[table][place] = value
            self._trigger(table, place, value)

    async def close(self) -> None:
        """Waits for a capture that still runs, and raises its error."""
        if self._capturing is not None:
            await self._capturing

    def _check_exists(self, table: str, address: int, count: int) -> None:
        if not self._exists[table][address : address + count].all():
            raise Refusal(ILLEGAL_ADDRESS)

    def _trigger(self, table: str, address: int, value: int) -> None:
        capture = self._profile.capture
        if capture is None or Start(address, value, table) != capture.start:
            return
        if self._capturing is not None and not self._capturing.done():
            raise Refusal(DEVICE_BUSY)
        if self._capturing is not None and self._capturing.exception() is not None:
            raise Refusal(DEVICE_FAILURE)
        self._set_status(capture, capture.status.busy[0])
        self._capturing = asyncio.create_task(self._capture(capture))

    async def _capture(self, capture: Capture) -> None:
        wanted = {block.channel: block.count for block in capture.waveforms}
        status = capture.status.error[0] if capture.status.error else capture.status.busy[0]
        try:
            samples = await asyncio.to_thread(self._machine.capture, wanted)
            self._buffers = {block.channel: self._encoded(block, samples) for block in capture.waveforms}
            for block in capture.waveforms:
                self._show(block, 0 if block.page is None else int(self._values[block.page.table][block.page.address]))
            status = capture.status.ready
        finally:
            self._set_status(capture, status)

    def _set_status(self, capture: Capture, value: int) -> None:
        self._values[capture.status.table][capture.status.address] = value

    def _encoded(self, block: WaveformBlock, samples: Mapping[str, NDArray[np.floating[Any]]]) -> Words:
        found = samples[block.channel]
        if found.shape != (block.count,):
            raise ValueError(f"{block.channel}: found samples of shape {found.shape}, expected ({block.count},)")
        return block.encode(found)

    def _turn_page(self, table: str, address: int, value: int) -> None:
        for block in self._profile.waveforms:
            if block.page is not None and (block.page.table, block.page.address) == (table, address):
                if value not in (number for number, _ in block.pages()):
                    raise Refusal(ILLEGAL_VALUE)
                self._show(block, value)

    def _show(self, block: WaveformBlock, page: int) -> None:
        """Puts a page of the last capture into the buffer; zeros before the first capture."""
        whole = self._buffers.get(block.channel, np.zeros(0, dtype=np.uint16))
        part = whole[page * block.registers : (page + 1) * block.registers]
        self._values[block.table][block.address : block.address + part.size] = part
