"""A device profile: where a device keeps its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from sensors.capture import Capture, WaveformBlock
from sensors.registers import BIT_TABLES, WORD_ORDERS, Encoding, Words, check_place, notation

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
        check_place(self.table, self.address, self.encoding.width)

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
class Device:
    """What holds for the whole device.

    reference: where the register map was taken from
    word_order: of the registers and waveforms that do not say their own
    block: most registers that a request may read from this device
    """

    name: str
    reference: str = ""
    word_order: str = "big"
    block: int = MOST_REGISTERS

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: found an empty one, expected the name of the device")
        if self.word_order not in WORD_ORDERS:
            raise ValueError(f"word_order: found {self.word_order!r}, expected one of {', '.join(WORD_ORDERS)}")
        if not 4 <= self.block <= MOST_REGISTERS:
            raise ValueError(f"block: found {self.block}, expected 4 to {MOST_REGISTERS} registers")


@dataclass(frozen=True)
class Profile:
    """What is known of one kind of device: process values, and a triggered capture where it has one."""

    device: Device
    registers: tuple[Register, ...] = ()
    capture: Capture | None = None

    def __post_init__(self) -> None:
        if not self.registers and self.capture is None:
            raise ValueError("register: found neither a register nor a capture, expected at least one")
        self._check_names()
        self._check_rates()
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
        raise KeyError(f"no register {name!r} in the profile of {self.device.name!r}")

    def _check_names(self) -> None:
        seen: set[str] = set()
        names = [(f"register.{i}.name", register.name) for i, register in enumerate(self.registers)]
        names += [(f"capture.waveform.{i}.channel", block.channel) for i, block in enumerate(self.waveforms)]
        for key, name in names:
            if name in seen:
                raise ValueError(f"{key}: found {name!r} a second time, expected a name of its own")
            seen.add(name)

    def _check_rates(self) -> None:
        units = {register.name: register.encoding.si_unit for register in self.registers}
        for i, block in enumerate(self.waveforms):
            key, name = f"capture.waveform.{i}.sample_rate", block.sample_rate
            if isinstance(name, str) and units.get(name) != "Hz":
                found = f"register {name!r} in {units[name]}" if name in units else f"{name!r}"
                rates = ", ".join(name for name, unit in units.items() if unit == "Hz") or "there are none"
                raise ValueError(f"{key}: found {found}, expected a number of Hz or a register of a frequency: {rates}")

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
