"""How numbers lie in 16-bit registers: tables and addresses, kinds, word orders, scale and unit.

Here, in `sensors.capture` and in `sensors.profile` a ValueError begins with the key that is wrong (`scale: found 0,
expected ...`), so that the reader of profile files can point to its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensors.errors import DecodeError
from sensors.units import from_si, si_unit, to_si

Words = NDArray[np.uint16]

#: The four tables of Modbus, and the digit that each has in the traditional notation (40053 is holding register 52).
TABLES = {"coil": "0", "discrete": "1", "input": "3", "holding": "4"}
BIT_TABLES = frozenset({"coil", "discrete"})
WRITABLE_TABLES = frozenset({"coil", "holding"})
LAST_ADDRESS = 65535

#: Kind of number, and its layout in memory, most significant byte first.
KINDS: dict[str, np.dtype[Any]] = {
    "bool": np.dtype(">u2"),
    "uint16": np.dtype(">u2"),
    "int16": np.dtype(">i2"),
    "uint32": np.dtype(">u4"),
    "int32": np.dtype(">i4"),
    "float32": np.dtype(">f4"),
    "uint64": np.dtype(">u8"),
    "int64": np.dtype(">i8"),
    "float64": np.dtype(">f8"),
}
WORD_ORDERS = ("big", "little")


def notation(table: str, address: int) -> str:
    """An address in both notations: 0-based, and as datasheets number it: `holding 52 (40053)`."""
    number = f"{address + 1:04d}" if address < 9999 else f"{address + 1:05d}"
    return f"{table} {address} ({TABLES[table]}{number})"


def check_place(table: str, address: int, length: int) -> None:
    """Raises ValueError for an unknown table, and for registers that end beyond the last address."""
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


def check_writable(table: str) -> None:
    """Raises ValueError for a table that cannot be written."""
    if table not in WRITABLE_TABLES:
        raise ValueError(f"table: found {table!r}, expected one that can be written: holding or coil")


@dataclass(frozen=True)
class Encoding:
    """Numbers as registers hold them.

    kind: one of KINDS; "bool" is the one kind of the bit tables
    word_order: of the 16-bit words of one number: "big" is ABCD, "little" is CDAB (and GHEFCDAB for 64 bits)
    scale, offset, unit: value = raw * scale + offset, in `unit`, which is converted to SI
    Whole numbers of 64 bits are exact up to 2**53 only, because values are float64.
    """

    kind: str = "uint16"
    word_order: str = "big"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: found {self.kind!r}, expected one of {', '.join(KINDS)}")
        if self.word_order not in WORD_ORDERS:
            raise ValueError(f"word_order: found {self.word_order!r}, expected 'big' (ABCD) or 'little' (CDAB)")
        if self.scale == 0 or not np.isfinite(self.scale):
            raise ValueError(f"scale: found {self.scale}, expected a finite number other than zero")
        if not np.isfinite(self.offset):
            raise ValueError(f"offset: found {self.offset}, expected a finite number")
        try:
            si_unit(self.unit)
        except ValueError as problem:
            raise ValueError(f"unit: {problem}") from None

    @property
    def width(self) -> int:
        """Registers a number takes."""
        return KINDS[self.kind].itemsize // 2

    @property
    def si_unit(self) -> str:
        """Unit of the decoded values."""
        return si_unit(self.unit)

    def decode(self, words: Words) -> NDArray[np.float64]:
        """(n * width,) registers to (n,) SI. Raises DecodeError for a number of registers that does not fit."""
        raw = self.raw(words)
        with np.errstate(over="ignore", invalid="ignore"):  # what a float register may hold is judged as quality
            value = raw.astype(np.float64) * self.scale + self.offset
            return np.asarray(to_si(value, self.unit), dtype=np.float64)

    def raw(self, words: Words) -> NDArray[Any]:
        """(n * width,) registers to (n,) numbers as the device means them, before scale and unit."""
        if words.ndim != 1 or words.size == 0 or words.size % self.width:
            raise DecodeError(f"found {words.size} registers, expected a multiple of {self.width} for {self.kind}")
        return self._swapped(words).astype(">u2").view(KINDS[self.kind])

    def encode(self, values: ArrayLike) -> Words:
        """(n,) SI to (n * width,) registers, rounded to the nearest raw number; beyond the range it saturates, as an
        analog-digital converter does.

        Raises ValueError for NaN in a whole-number kind.
        """
        shown = from_si(np.atleast_1d(np.asarray(values, dtype=np.float64)), self.unit)
        raw = (shown - self.offset) / self.scale
        layout = KINDS[self.kind]
        if layout.kind == "f":
            with np.errstate(over="ignore"):
                numbers = raw.astype(layout)
        else:
            if np.isnan(raw).any():
                raise ValueError(f"found NaN, expected a number that {self.kind} can hold")
            numbers = _saturated(np.rint(raw), layout)
        return self._swapped(numbers.view(">u2").astype(np.uint16))

    def _swapped(self, words: Words) -> Words:
        """The same words, each number in the other order where the order is "little"; its own inverse."""
        if self.word_order == "big" or self.width == 1:
            return words
        return np.ascontiguousarray(words.reshape(-1, self.width)[:, ::-1]).reshape(-1)


def _saturated(raw: NDArray[np.float64], layout: np.dtype[Any]) -> NDArray[Any]:
    """Whole numbers, clipped to what the layout holds; the ends are set apart, float64 cannot hold those of 64 bits."""
    limits = np.iinfo(layout)
    inside = (raw > limits.min) & (raw < limits.max)
    numbers = np.where(inside, raw, 0.0).astype(layout)
    numbers[raw >= limits.max] = limits.max
    numbers[raw <= limits.min] = limits.min
    return numbers
