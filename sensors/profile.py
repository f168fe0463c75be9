"""A device profile: where a device keeps its numbers, and how it captures a waveform.

A ValueError of these classes begins with the key that is wrong (`scale: found 0, expected ...`), so that the reader of
profile files can point to its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensors.registers import BIT_TABLES, LAST_ADDRESS, TABLES, WRITABLE_TABLES, Encoding, Words, notation

#: Registers that one request can read (Modbus Application Protocol V1.1b3, 6.3).
MOST_REGISTERS = 125


@dataclass(frozen=True)
class Register:
    """One quantity of a device; it becomes a channel of one sample.

    address: 0-based; table: "holding", "input", "coil" or "discrete"
    the others as in `Encoding`; a coil or discrete input has kind "bool"
    """

    name: str
    address: int
    table: str = "holding"
    kind: str = "uint16"
    word_order: str = "big"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: found an empty one, expected the name of the channel")
        if (self.kind == "bool") != (self.table in BIT_TABLES):
            raise ValueError(
                f"kind: found {self.kind!r} in table {self.table!r}, expected bool for coil and discrete only"
            )
        _check_place(self.table, self.address, self.encoding.width)

    @cached_property
    def encoding(self) -> Encoding:
        """How the number is held."""
        return Encoding(self.kind, self.word_order, self.scale, self.offset, self.unit)

    @property
    def place(self) -> str:
        """Its address in both notations."""
        return notation(self.table, self.address)

    def encode(self, value: float) -> Words:
        """SI to (width,) registers; see `Encoding.encode`."""
        return self.encoding.encode(value)

    def decode(self, words: Words) -> float:
        """(width,) registers to SI. Raises DecodeError for another number of registers."""
        return float(self.encoding.decode(words)[0])


@dataclass(frozen=True)
class Start:
    """What is written to start a capture."""

    address: int
    value: int = 1
    table: str = "holding"

    def __post_init__(self) -> None:
        _check_writable(self.table)
        _check_place(self.table, self.address, 1)
        _check_word("value", self.value)


@dataclass(frozen=True)
class Status:
    """What is polled until a capture is done.

    ready, busy, error: raw values; any other value contradicts the profile. After the start is written, the register
    must not hold `ready` until the new waveform is complete.
    """

    address: int
    ready: int
    busy: tuple[int, ...]
    error: tuple[int, ...] = ()
    table: str = "holding"

    def __post_init__(self) -> None:
        _check_place(self.table, self.address, 1)
        if not self.busy:
            raise ValueError("busy: found no value, expected at least one")
        values = (self.ready, *self.busy, *self.error)
        for value in values:
            _check_word("ready", value)
        if len(set(values)) != len(values):
            raise ValueError(f"ready: found {list(values)} for ready, busy and error, expected different values")


@dataclass(frozen=True)
class Page:
    """A register that selects which part of a longer waveform the buffer shows; pages are numbered from 0.

    registers: length of a page, which is the length of the buffer
    """

    address: int
    registers: int
    table: str = "holding"

    def __post_init__(self) -> None:
        _check_writable(self.table)
        _check_place(self.table, self.address, 1)
        if not 1 <= self.registers <= LAST_ADDRESS + 1:
            raise ValueError(f"registers: found {self.registers}, expected 1 to {LAST_ADDRESS + 1}")


@dataclass(frozen=True)
class WaveformBlock:
    """One channel's samples in the device's buffer after a capture.

    count: samples; sample_rate: Hz, or the name of the register that holds it
    page: for a waveform longer than its buffer; None when all of it lies at `address`
    """

    channel: str
    address: int
    count: int
    sample_rate: float | str
    table: str = "holding"
    kind: str = "int16"
    word_order: str = "big"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"
    page: Page | None = None

    def __post_init__(self) -> None:
        if not self.channel:
            raise ValueError("channel: found an empty one, expected the name of the channel")
        if self.table in BIT_TABLES or self.kind == "bool":
            raise ValueError(f"table: found {self.table!r} of {self.kind}, expected numbers in 'holding' or 'input'")
        if self.count < 1:
            raise ValueError(f"count: found {self.count}, expected at least 1 sample")
        rate = self.sample_rate
        if not isinstance(rate, str) and not (rate > 0 and np.isfinite(rate)):
            raise ValueError(f"sample_rate: found {rate}, expected a positive number of Hz or the name of a register")
        if self.page is not None and self.page.registers % self.encoding.width:
            raise ValueError(
                f"page.registers: found {self.page.registers}, expected a multiple of {self.encoding.width}, "
                f"so that no {self.kind} is split between two pages"
            )
        _check_place(self.table, self.address, self.registers)

    @cached_property
    def encoding(self) -> Encoding:
        """How the samples are held."""
        return Encoding(self.kind, self.word_order, self.scale, self.offset, self.unit)

    @property
    def registers(self) -> int:
        """Registers of the address space that the buffer takes."""
        total = self.count * self.encoding.width
        return total if self.page is None else min(total, self.page.registers)

    def pages(self) -> Iterator[tuple[int, int]]:
        """Number and length in registers of each page; one page where there is no page register."""
        total = self.count * self.encoding.width
        for first in range(0, total, self.registers):
            yield first // self.registers, min(self.registers, total - first)

    def encode(self, samples: ArrayLike) -> Words:
        """(count,) SI to (count * width,) registers."""
        return self.encoding.encode(samples)

    def decode(self, words: Words) -> NDArray[np.float64]:
        """(count * width,) registers to (count,) SI. Raises DecodeError."""
        return self.encoding.decode(words)


@dataclass(frozen=True)
class Capture:
    """A triggered capture: write `start`, poll `status`, read the buffers.

    timeout_s: from the start to `ready`; poll_s: between two looks at the status
    """

    start: Start
    status: Status
    waveforms: tuple[WaveformBlock, ...]
    timeout_s: float = 10.0
    poll_s: float = 0.02

    def __post_init__(self) -> None:
        if not self.waveforms:
            raise ValueError("waveform: found none, expected at least one")
        for name, value in (("timeout_s", self.timeout_s), ("poll_s", self.poll_s)):
            if not (value > 0 and np.isfinite(value)):
                raise ValueError(f"{name}: found {value}, expected a positive number of seconds")


@dataclass(frozen=True)
class Profile:
    """What is known of one kind of device.

    reference: where the register map was taken from
    block: most registers a request may read from this device
    """

    name: str
    reference: str = ""
    block: int = MOST_REGISTERS
    registers: tuple[Register, ...] = ()
    capture: Capture | None = None

    def __post_init__(self) -> None:
        if not self.registers and self.capture is None:
            raise ValueError("register: found neither a register nor a capture, expected at least one")
        if not 4 <= self.block <= MOST_REGISTERS:
            raise ValueError(f"device.block: found {self.block}, expected 4 to {MOST_REGISTERS} registers")
        self._check_names()
        self._check_overlaps()

    @property
    def waveforms(self) -> tuple[WaveformBlock, ...]:
        """The waveforms of the capture; none where there is no capture."""
        return () if self.capture is None else self.capture.waveforms

    def register(self, name: str) -> Register:
        """The register of that name. Raises KeyError."""
        for register in self.registers:
            if register.name == name:
                return register
        raise KeyError(f"no register {name!r} in profile {self.name!r}")

    def _check_names(self) -> None:
        seen: set[str] = set()
        names = [(f"register.{i}.name", register.name) for i, register in enumerate(self.registers)]
        names += [(f"capture.waveform.{i}.channel", block.channel) for i, block in enumerate(self.waveforms)]
        for key, name in names:
            if name in seen:
                raise ValueError(f"{key}: found {name!r} a second time, expected a name of its own")
            seen.add(name)
        scalars = [register.name for register in self.registers]
        for i, block in enumerate(self.waveforms):
            if isinstance(block.sample_rate, str) and block.sample_rate not in scalars:
                raise ValueError(
                    f"capture.waveform.{i}.sample_rate: found {block.sample_rate!r}, "
                    f"expected a number of Hz or one of the registers: {', '.join(scalars) or 'there are none'}"
                )
            if isinstance(block.sample_rate, str) and self.register(block.sample_rate).encoding.si_unit != "Hz":
                raise ValueError(
                    f"capture.waveform.{i}.sample_rate: found register {block.sample_rate!r} in "
                    f"{self.register(block.sample_rate).unit!r}, expected a frequency"
                )

    def _check_overlaps(self) -> None:
        places = sorted(self.places())
        for (table, address, length, holder), (other, start, _, key) in pairwise(places):
            if table == other and start < address + length:
                raise ValueError(
                    f"{key}.address: found {notation(table, start)}, which {holder} takes already, "
                    "expected an address of its own"
                )

    def places(self) -> Iterator[tuple[str, int, int, str]]:
        """Table, address, length and key of all that must not overlap; start and status may be one register."""
        for i, register in enumerate(self.registers):
            yield register.table, register.address, register.encoding.width, f"register.{i}"
        if self.capture is None:
            return
        start, status = self.capture.start, self.capture.status
        yield status.table, status.address, 1, "capture.status"
        if (start.table, start.address) != (status.table, status.address):
            yield start.table, start.address, 1, "capture.start"
        for i, block in enumerate(self.waveforms):
            yield block.table, block.address, block.registers, f"capture.waveform.{i}"
            if block.page is not None:
                yield block.page.table, block.page.address, 1, f"capture.waveform.{i}.page"


def _check_place(table: str, address: int, length: int) -> None:
    if table not in TABLES:
        raise ValueError(f"table: found {table!r}, expected one of {', '.join(TABLES)}")
    last = address + length - 1
    if not 0 <= address <= last <= LAST_ADDRESS:
        raise ValueError(
            f"address: found {notation(table, address)} and {length} registers from there, "
            f"expected the last one at {LAST_ADDRESS} or before"
            if address >= 0
            else f"address: found {address}, expected 0 to {LAST_ADDRESS}"
        )


def _check_writable(table: str) -> None:
    if table not in WRITABLE_TABLES:
        raise ValueError(f"table: found {table!r}, expected one that can be written: holding or coil")


def _check_word(key: str, value: int) -> None:
    if not 0 <= value <= 0xFFFF:
        raise ValueError(f"{key}: found {value}, expected 0 to 65535")
