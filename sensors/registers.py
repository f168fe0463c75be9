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
#: Packed decimal digits, four bits each, and their layout in memory.
BCD_KINDS: dict[str, np.dtype[Any]] = {"bcd16": np.dtype(">u2"), "bcd32": np.dtype(">u4")}
#: Order of the bytes of a 32-bit number as two registers hold them; 64-bit numbers are ordered likewise.
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")


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


def check_order(order: str) -> None:
    """Raises ValueError for an unknown order."""
    if order not in ORDERS:
        raise ValueError(f"order: found {order!r}, expected one of {', '.join(ORDERS)}")


@dataclass(frozen=True)
class Encoding:
    """Numbers as registers hold them.

    kind: one of KINDS or BCD_KINDS; "bool" is the one kind of the bit tables
    order: of bytes and words: "ABCD" is the order of Modbus, "CDAB" swaps the words (GHEFCDAB for 64 bits), "BADC" the
        bytes of each word, "DCBA" both
    scale, offset, unit: value = raw * scale + offset, in `unit`, which is converted to SI
    Whole numbers of 64 bits are exact up to 2**53 only, because values are float64.
    """

    kind: str = "uint16"
    order: str = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"

    def __post_init__(self) -> None:
        if self.kind not in {**KINDS, **BCD_KINDS}:
            raise ValueError(f"kind: found {self.kind!r}, expected one of {', '.join((*KINDS, *BCD_KINDS))}")
        check_order(self.order)
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
        return self._layout.itemsize // 2

    @property
    def _layout(self) -> np.dtype[Any]:
        return KINDS.get(self.kind) or BCD_KINDS[self.kind]

    @property
    def extent(self) -> tuple[float, float]:
        """Lowest and highest raw number; infinite of floating point numbers."""
        if self.kind == "bool":
            return 0.0, 1.0
        if self.kind in BCD_KINDS:
            return 0.0, 10.0 ** (4 * self.width) - 1
        if self._layout.kind == "f":
            return -np.inf, np.inf
        whole = np.iinfo(self._layout)
        return float(whole.min), float(whole.max)

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
        """(n * width,) registers to (n,) numbers as the device means them, before scale and unit.

        Packed digits become float64, NaN where one is above nine.
        """
        if words.ndim != 1 or words.size == 0 or words.size % self.width:
            raise DecodeError(f"found {words.size} registers, expected a multiple of {self.width} for {self.kind}")
        numbers = self._swapped(words).astype(">u2").view(self._layout)
        return _from_digits(numbers) if self.kind in BCD_KINDS else numbers

    def encode(self, values: ArrayLike) -> Words:
        """(n,) SI to (n * width,) registers, rounded to the nearest raw number; beyond the range it saturates, as an
        analog-digital converter does.

        Raises ValueError for NaN in a whole-number kind.
        """
        shown = from_si(np.atleast_1d(np.asarray(values, dtype=np.float64)), self.unit)
        raw = np.asarray((shown - self.offset) / self.scale, dtype=np.float64)
        layout = self._layout
        if self.kind in BCD_KINDS:
            numbers = _to_digits(raw, layout)
        elif layout.kind == "f":
            with np.errstate(over="ignore"):
                numbers = raw.astype(layout)
        else:
            if np.isnan(raw).any():
                raise ValueError(f"found NaN, expected a number that {self.kind} can hold")
            numbers = _saturated(np.rint(raw), layout)
        return self._swapped(numbers.view(">u2").astype(np.uint16))

    def _swapped(self, words: Words) -> Words:
        """The same words, each number in the other order; its own inverse."""
        if self.order in ("BADC", "DCBA"):
            words = words.byteswap()
        if self.order in ("ABCD", "BADC") or self.width == 1:
            return words
        return np.ascontiguousarray(words.reshape(-1, self.width)[:, ::-1]).reshape(-1)


def _from_digits(packed: NDArray[Any]) -> NDArray[np.float64]:
    digits = [(packed.astype(np.uint32) >> 4 * place) & 0xF for place in range(2 * packed.itemsize)]
    value = sum(digit * 10.0**place for place, digit in enumerate(digits))
    return np.asarray(np.where(np.max(digits, axis=0) > 9, np.nan, value), dtype=np.float64)


def _to_digits(raw: NDArray[np.float64], layout: np.dtype[Any]) -> NDArray[Any]:
    if np.isnan(raw).any():
        raise ValueError("found NaN, expected a number that packed digits can hold")
    places = range(2 * layout.itemsize)
    whole = np.clip(np.rint(raw), 0, 10.0 ** len(places) - 1).astype(np.int64)
    return np.asarray(sum((whole // 10**place % 10) << 4 * place for place in places)).astype(layout)


def _saturated(raw: NDArray[np.float64], layout: np.dtype[Any]) -> NDArray[Any]:
    """Whole numbers, clipped to what the layout holds; the ends are set apart, float64 cannot hold those of 64 bits."""
    limits = np.iinfo(layout)
    inside = (raw > limits.min) & (raw < limits.max)
    numbers = np.where(inside, raw, 0.0).astype(layout)
    numbers[raw >= limits.max] = limits.max
    numbers[raw <= limits.min] = limits.min
    return numbers
