"""Simulated Modbus devices: any profile, on any line, served from a machine that answers in SI."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sensors.capture import Capture, WaveformBlock
from sensors.modbus.answering import Refusal
from sensors.modbus.faults import Misbehave, behave
from sensors.modbus.pdu import DEVICE_BUSY, DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_VALUE, MOST_FIFO
from sensors.modbus.server import modbus_server, serial_server
from sensors.modbus.settings import LineSettings
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
    """A simulated device that is being served. line: what a source calls the line that it is on."""

    host: str
    port: int
    line: str


@asynccontextmanager
async def serve(
    profile: Profile,
    machine: Machine,
    host: str = "127.0.0.1",
    port: int = 0,
    misbehave: Misbehave = behave,
    scheme: str = "tcp",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Device]:
    """Serves a device of that profile while in the context. Port 0 is any free one; the context tells which.

    scheme: `tcp`, `rtu+tcp`, `ascii+tcp`, or `tls`, which needs the server's side of TLS
    An error of the machine during a capture is raised on leaving the context; until then the device's status is an
    error value, or stays busy where the profile has none.
    """
    registers = SimulatedRegisters(profile, machine)
    framing = LineSettings(f"{scheme}://{host}:1").framing
    try:
        async with modbus_server(registers, host, port, misbehave, framing, tls) as bound:
            yield Device(host, bound, f"{scheme}://{host}:{bound}")
    finally:
        await registers.close()


@asynccontextmanager
async def serve_serial(
    units: Mapping[int, tuple[Profile, Machine]],
    misbehave: Misbehave = behave,
    scheme: str = "rtu",
    baud: int | None = None,
) -> AsyncIterator[str]:
    """Serves devices by unit id on one serial line while in the context, which gives the line's address.

    baud: the speed that is imposed, with 10 bits a byte; None is as fast as a pseudo-terminal is
    """
    devices = {unit: SimulatedRegisters(profile, machine) for unit, (profile, machine) in units.items()}
    framing = LineSettings(f"{scheme}:///dev/null").framing
    try:
        async with serial_server(devices, misbehave, framing, 10 / baud if baud else 0.0) as path:
            yield f"{scheme}://{path}"
    finally:
        for device in devices.values():
            await device.close()


class SimulatedRegisters:
    """The four tables, files and queues of one simulated device, and what writing to them sets off."""

    def __init__(self, profile: Profile, machine: Machine) -> None:
        self._profile = profile
        self._machine = machine
        self._exists = {table: np.zeros(0x10000, dtype=bool) for table in TABLES}
        for table, address, length, _ in profile.places():
            self._exists[table][address : address + length] = True
        self._capturing: asyncio.Task[None] | None = None
        self._abandoned: list[asyncio.Task[None]] = []  # captures that a restart came into
        self.restart()

    def restart(self) -> None:
        """All registers as after a start: zeros and the texts; a capture under way is lost."""
        self._values = {table: np.zeros(0x10000, dtype=np.uint16) for table in TABLES}
        self._buffers: dict[str, Words] = {}  # by channel: the whole waveform, of which the buffer shows a page
        self._queued: dict[str, int] = {}  # by channel: how much of it a queue gave away
        if self._capturing is not None:
            self._abandoned.append(self._capturing)
            self._capturing = None
        for text in self._profile.texts:
            self._values[text.table][text.address : text.address + text.registers] = text.encode(
                text.expected or text.name
            )

    def read(self, table: str, address: int, count: int) -> Words:
        self._check_exists(table, address, count)
        for register in self._profile.registers:
            end = register.address + register.encoding.width
            if register.table == table and address < end and register.address < address + count:
                own = self._values[table][register.address : end]
                words = register.encode(self._machine.measure(register.name))
                own[:] = (own & ~np.uint16(register.mask)) | words
        return self._values[table][address : address + count].copy()

    def write(self, table: str, address: int, values: Sequence[int]) -> None:
        self._check_exists(table, address, len(values))
        if table not in WRITABLE_TABLES:
            raise Refusal(ILLEGAL_ADDRESS)
        for place, value in enumerate(values, start=address):
            self._turn_page(table, place, value)
            self._values[table][place] = value
            self._trigger(table, place, value)

    def read_file(self, file: int, record: int, count: int) -> Words:
        for block in self._profile.waveforms:
            first = record - block.address
            if block.table == "file" and block.file == file and 0 <= first <= first + count <= block.registers:
                whole = self._buffers.get(block.channel, np.zeros(block.registers, dtype=np.uint16))
                return whole[first : first + count]
        raise Refusal(ILLEGAL_ADDRESS)

    def read_fifo(self, address: int) -> Words:
        for block in self._profile.waveforms:
            if block.table == "fifo" and block.address == address:
                first = self._queued.get(block.channel, 0)
                part = self._buffers.get(block.channel, np.zeros(0, dtype=np.uint16))[first : first + MOST_FIFO]
                self._queued[block.channel] = first + part.size
                return part
        raise Refusal(ILLEGAL_ADDRESS)

    async def close(self) -> None:
        """Waits for a capture that still runs, and raises its error."""
        for capturing in (*self._abandoned, *([self._capturing] if self._capturing else [])):
            await capturing

    def _check_exists(self, table: str, address: int, count: int) -> None:
        if not self._exists[table][address : address + count].all():
            raise Refusal(ILLEGAL_ADDRESS)

    def _trigger(self, table: str, address: int, value: int) -> None:
        capture = self._profile.capture
        if capture is None:
            return
        start = capture.start
        if (start.table, start.address, start.value) != (table, address, value):
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
            if asyncio.current_task() in self._abandoned:
                return
            self._buffers = {block.channel: self._encoded(block, samples) for block in capture.waveforms}
            self._queued.clear()
            for block in capture.waveforms:
                self._show(block, 0 if block.page is None else int(self._values[block.page.table][block.page.address]))
            status = capture.status.ready
        finally:
            if asyncio.current_task() not in self._abandoned:
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
        if block.table not in TABLES:
            return
        whole = self._buffers.get(block.channel, np.zeros(0, dtype=np.uint16))
        part = whole[page * block.registers : (page + 1) * block.registers]
        self._values[block.table][block.address : block.address + part.size] = part
