"""A triggered capture: what is written to start it, what is polled until it is done, where the waveforms then lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensors.registers import BIT_TABLES, LAST_ADDRESS, TABLES, Encoding, Words, check_place, check_writable

#: Records of a file. Source: Modbus Application Protocol V1.1b3, 6.14.
LAST_RECORD = 0x270F


def possible_rate(sample_rate: float) -> bool:
    """Whether a number can be a sample rate, Hz: from one sample in eleven days to a billion a second; refuses NaN."""
    return 1e-6 <= sample_rate <= 1e9


@dataclass(frozen=True)
class Start:
    """What is written to start a capture.

    many: by the function for several registers (16), for devices that know no other
    """

    address: int
    value: int = 1
    table: str = "holding"
    many: bool = False

    def __post_init__(self) -> None:
        check_writable(self.table)
        check_place(self.table, self.address, 1)
        _check_word("value", self.value)


@dataclass(frozen=True)
class Setup:
    """What is written before every start: how the capture shall be."""

    address: int
    values: tuple[int, ...]
    table: str = "holding"

    def __post_init__(self) -> None:
        check_writable(self.table)
        if not 1 <= len(self.values) <= 123:
            raise ValueError(f"values: found {len(self.values)}, expected 1 to 123 raw values")
        check_place(self.table, self.address, len(self.values))
        for value in self.values:
            _check_word("values", value)


@dataclass(frozen=True)
class Status:
    """What is polled until a capture is done.

    ready, busy, error: raw values; any other value contradicts the profile. A value that shows after a restart of the
    device belongs to `error`: the capture is lost. After the start is written, the register must not hold `ready` until
    the new waveform is complete.
    """

    address: int
    ready: int
    busy: tuple[int, ...]
    error: tuple[int, ...] = ()
    table: str = "holding"

    def __post_init__(self) -> None:
        check_place(self.table, self.address, 1)
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
        check_writable(self.table)
        check_place(self.table, self.address, 1)
        if not 1 <= self.registers <= LAST_ADDRESS + 1:
            raise ValueError(f"registers: found {self.registers}, expected 1 to {LAST_ADDRESS + 1}")


@dataclass(frozen=True)
class WaveformBlock:
    """One channel's samples in the device's buffer after a capture.

    count: samples; sample_rate: Hz, or the name of the register that holds it
    table: "holding" or "input": a buffer among the registers, from `address` on; "file": records of the file of number
        `file`, from record `address` on (function 0x14); "fifo": a queue that is read at `address` until `count`
        samples came (0x18)
    page: for a waveform longer than its buffer; None when all of it lies at `address`
    """

    channel: str
    address: int
    count: int
    sample_rate: float | str
    table: str = "holding"
    kind: str = "int16"
    order: str = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"
    page: Page | None = None
    file: int = 0

    def __post_init__(self) -> None:
        if not self.channel:
            raise ValueError("channel: found an empty one, expected the name of the channel")
        if self.table in BIT_TABLES or self.kind == "bool":
            raise ValueError(f"table: found {self.table!r} of {self.kind}, expected numbers in 'holding' or 'input'")
        if self.count < 1:
            raise ValueError(f"count: found {self.count}, expected at least 1 sample")
        if not isinstance(self.sample_rate, str) and not possible_rate(self.sample_rate):
            raise ValueError(
                f"sample_rate: found {self.sample_rate}, expected a positive number of Hz or the name of a register"
            )
        if self.page is not None and self.page.registers % self.encoding.width:
            raise ValueError(
                f"page.registers: found {self.page.registers}, expected a multiple of {self.encoding.width}, "
                f"so that no {self.kind} is split between two pages"
            )
        self._check_place()

    def _check_place(self) -> None:
        if self.table in TABLES:
            check_place(self.table, self.address, self.registers)
        elif self.table not in ("file", "fifo"):
            raise ValueError(f"table: found {self.table!r}, expected holding, input, file or fifo")
        elif self.page is not None:
            raise ValueError(f"page: found one in table {self.table!r}, expected none")
        elif self.table == "fifo":
            check_place("holding", self.address, 1)
        elif not 1 <= self.file <= 0xFFFF:
            raise ValueError(f"file: found {self.file}, expected the number of the file, 1 to 65535")
        elif not 0 <= self.address <= self.address + self.registers - 1 <= LAST_RECORD:
            raise ValueError(
                f"address: found record {self.address} and {self.registers} registers from there, "
                f"expected the last one at {LAST_RECORD} or before"
            )

    @cached_property
    def encoding(self) -> Encoding:
        """How the samples are held."""
        return Encoding(self.kind, self.order, self.scale, self.offset, self.unit)

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
    """A triggered capture: write `setup` and `start`, poll `status`, read the buffers.

    timeout_s: from the start to `ready`; poll_s: between two looks at the status
    """

    start: Start
    status: Status
    waveforms: tuple[WaveformBlock, ...]
    timeout_s: float = 10.0
    poll_s: float = 0.02
    setup: tuple[Setup, ...] = ()

    def __post_init__(self) -> None:
        if not self.waveforms:
            raise ValueError("waveform: found none, expected at least one")
        for name, value in (("timeout_s", self.timeout_s), ("poll_s", self.poll_s)):
            if not (value > 0 and np.isfinite(value)):
                raise ValueError(f"{name}: found {value}, expected a positive number of seconds")


def _check_word(key: str, value: int) -> None:
    if not 0 <= value <= 0xFFFF:
        raise ValueError(f"{key}: found {value}, expected 0 to 65535")
