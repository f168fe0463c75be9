"""A device profile: where a device keeps its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from sensors.capture import Capture, WaveformBlock
from sensors.reading import Checks, Reading
from sensors.registers import BIT_TABLES, TABLES, Encoding, Words, check_order, check_place, notation
from sensors.units import to_si

#: Registers that one request can read (Modbus Application Protocol V1.1b3, 6.3).
MOST_REGISTERS = 125


@dataclass(frozen=True)
class Register:
    """One quantity of a device; it becomes a channel of one sample.

    address: 0-based; table: "holding", "input", "coil" or "discrete"
    kind, order, scale, offset, unit: as in `Encoding`; a coil or discrete input has kind "bool"
    plausible, not_a_number, values: as in `Checks`
    bits: first and last bit of a register that holds several numbers, 0 is the lowest; the others are no concern of it
    """

    name: str
    address: int
    table: str = "holding"
    kind: str = "uint16"
    order: str = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"
    plausible: tuple[float, ...] = ()
    not_a_number: tuple[int, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    bits: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: found an empty one, expected the name of the channel")
        if (self.kind == "bool") != (self.table in BIT_TABLES):
            raise ValueError(
                f"kind: found {self.kind!r} in table {self.table!r}, expected bool for coil and discrete only"
            )
        check_place(self.table, self.address, self.encoding.width)
        if self.bits and not self._has_bits():
            raise ValueError(f"bits: found {list(self.bits)}, expected the first and the last bit of a uint16, 0 to 15")
        _ = self.checks

    def _has_bits(self) -> bool:
        return self.kind == "uint16" and len(self.bits) == 2 and 0 <= self.bits[0] <= self.bits[1] <= 15

    @cached_property
    def encoding(self) -> Encoding:
        """How the number is held."""
        return Encoding(self.kind, self.order, self.scale, self.offset, self.unit)

    @cached_property
    def checks(self) -> Checks:
        """What a good value is like."""
        return Checks(self.plausible, self.not_a_number, self.values)

    @property
    def extent(self) -> tuple[float, float]:
        """Lowest and highest value that it can hold, SI; infinite where it holds floating point numbers."""
        raw = (0, self.mask >> self.bits[0]) if self.bits else self.encoding.extent
        ends = [float(to_si(end * self.scale + self.offset, self.unit)) for end in raw]
        return min(ends), max(ends)

    @property
    def place(self) -> str:
        """Its address in both notations."""
        return notation(self.table, self.address)

    @property
    def mask(self) -> int:
        """The bits of a register that hold it."""
        return ((2 << (self.bits[1] - self.bits[0])) - 1) << self.bits[0] if self.bits else 0xFFFF

    def encode(self, value: float) -> Words:
        """SI to (width,) registers, see `Encoding.encode`; bits of others are 0."""
        words = self.encoding.encode(value)
        return ((words << self.bits[0]) & self.mask).astype(np.uint16) if self.bits else words

    def decode(self, words: Words) -> float:
        """(width,) registers to SI. Raises DecodeError for another number of registers."""
        return float(self.encoding.decode(self._own(words))[0])

    def read(self, words: Words) -> Reading:
        """(width,) registers to SI, judged. Raises DecodeError for another number of registers."""
        raw = float(self.encoding.raw(self._own(words))[0])
        shown = raw * self.scale + self.offset  # as `Encoding.decode` does, for one number
        return self.checks.judge(raw, shown, self.unit, to_si(shown, self.unit))

    def _own(self, words: Words) -> Words:
        return ((words & self.mask) >> self.bits[0]).astype(np.uint16) if self.bits else words


@dataclass(frozen=True)
class Text:
    """A text that a device holds, such as its model or serial number: for people, no channel.

    registers: its length, two characters each; order: "ABCD", or "BADC" where the characters of each are swapped
    expected: how it begins on a device that this profile fits; empty where that is not known
    """

    name: str
    address: int
    registers: int
    table: str = "holding"
    order: str = "ABCD"
    expected: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: found an empty one, expected what the text is")
        if self.table in BIT_TABLES:
            raise ValueError(f"table: found {self.table!r}, expected holding or input")
        check_order(self.order)
        if not 1 <= self.registers <= MOST_REGISTERS:
            raise ValueError(f"registers: found {self.registers}, expected 1 to {MOST_REGISTERS}")
        check_place(self.table, self.address, self.registers)

    @property
    def place(self) -> str:
        """Its address in both notations."""
        return notation(self.table, self.address)

    def decode(self, words: Words) -> str:
        """(registers,) to the text before the first NUL, without blanks around it; what cannot be shown becomes "?"."""
        swapped = words.byteswap() if self.order in ("BADC", "DCBA") else words
        text = swapped.astype(">u2").tobytes().split(b"\0")[0].decode("latin-1").strip()
        return "".join(character if character.isprintable() else "?" for character in text)

    def encode(self, text: str) -> Words:
        """A text to (registers,), cut or filled with NUL."""
        data = text.encode("latin-1", "replace")[: 2 * self.registers].ljust(2 * self.registers, b"\0")
        words = np.frombuffer(data, dtype=">u2").astype(np.uint16)
        return words.byteswap() if self.order in ("BADC", "DCBA") else words


@dataclass(frozen=True)
class Device:
    """What holds for the whole device.

    reference: where the register map was taken from
    order: of the registers and waveforms that do not say their own
    block: most registers that a request may read from this device
    base: what the first address is called in this file, 0 or 1
    """

    name: str
    reference: str = ""
    order: str = "ABCD"
    block: int = MOST_REGISTERS
    base: int = 0

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: found an empty one, expected the name of the device")
        check_order(self.order)
        if not 1 <= self.block <= MOST_REGISTERS:
            raise ValueError(f"block: found {self.block}, expected 1 to {MOST_REGISTERS} registers")
        if self.base not in (0, 1):
            raise ValueError(f"base: found {self.base}, expected 0 or 1")


@dataclass(frozen=True)
class Profile:
    """What is known of one kind of device: process values, texts, and a triggered capture where it has one."""

    device: Device
    registers: tuple[Register, ...] = ()
    capture: Capture | None = None
    texts: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        if not self.registers and self.capture is None:
            raise ValueError("register: found neither a register nor a capture, expected at least one")
        self._check_names()
        self._check_rates()
        self._check_widths()
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
        names += [(f"text.{i}.name", text.name) for i, text in enumerate(self.texts)]
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

    def _check_widths(self) -> None:
        """A number is read in one request, so that its words belong together."""
        for i, register in enumerate(self.registers):
            if register.encoding.width > self.device.block:
                raise ValueError(
                    f"register.{i}.kind: found {register.kind} of {register.encoding.width} registers, "
                    f"expected no more than a request may read from this device (device.block = {self.device.block})"
                )
        for i, text in enumerate(self.texts):
            if text.registers > self.device.block:
                raise ValueError(
                    f"text.{i}.registers: found {text.registers}, expected no more than device.block = "
                    f"{self.device.block}"
                )

    def _check_overlaps(self) -> None:
        places = sorted(self.places())
        for (table, address, length, holder), (other, start, _, key) in pairwise(places):
            if table == other and start < address + length and not self._share(holder, key):
                raise ValueError(
                    f"{key}.address: found {notation(table, start)}, which {holder} takes already, "
                    "expected an address of its own"
                )

    def _share(self, *keys: str) -> bool:
        """Whether two registers at one address hold different bits of it."""
        parts = [key.split(".") for key in keys]
        if any(part[0] != "register" for part in parts):
            return False
        one, other = (self.registers[int(part[1])] for part in parts)
        return bool(one.bits and other.bits) and not one.mask & other.mask

    def places(self) -> Iterator[tuple[str, int, int, str]]:
        """Table, address, length and key of all that must not overlap; start and status may be one register."""
        for i, register in enumerate(self.registers):
            yield register.table, register.address, register.encoding.width, f"register.{i}"
        for i, text in enumerate(self.texts):
            yield text.table, text.address, text.registers, f"text.{i}"
        if self.capture is None:
            return
        start, status = self.capture.start, self.capture.status
        yield status.table, status.address, 1, "capture.status"
        if (start.table, start.address) != (status.table, status.address):
            yield start.table, start.address, 1, "capture.start"
        for i, setup in enumerate(self.capture.setup):
            yield setup.table, setup.address, len(setup.values), f"capture.setup.{i}"
        for i, block in enumerate(self.waveforms):
            if block.table in TABLES:
                yield block.table, block.address, block.registers, f"capture.waveform.{i}"
            if block.page is not None:
                yield block.page.table, block.page.address, 1, f"capture.waveform.{i}.page"
