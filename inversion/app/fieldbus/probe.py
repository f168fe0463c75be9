"""`inversion probe`: which units answer on a line, and what a register holds in every kind and order, in both bases."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sensors import SourceUnavailable
from sensors.addresses import read_address
from sensors.modbus.lines import shared_line
from sensors.modbus.pdu import exception_code, exception_text, read_request, reply_words
from sensors.modbus.settings import LineSettings
from sensors.registers import BCD_KINDS, KINDS, ORDERS, Encoding, Words, notation
from sensors.units import from_si

_KINDS = (*(kind for kind in KINDS if kind != "bool"), *BCD_KINDS)


@dataclass(frozen=True)
class Found:
    """A unit that answers. how: what it said to a read of holding register 0."""

    unit: int
    how: str


@dataclass(frozen=True)
class Wanted:
    """What a value is known to be like: its unit, scale, and the range in which it must lie."""

    unit: str = "1"
    scale: float = 1.0
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        Encoding("uint16", "ABCD", self.scale, 0.0, self.unit)  # an unknown unit or a scale of zero is refused here

    @property
    def known(self) -> bool:
        """Whether there is anything to judge by."""
        return math.isfinite(self.low) or math.isfinite(self.high)


@dataclass(frozen=True)
class Candidate:
    """One way to read a register. fits: whether the value lies in the wanted range; None where there is none."""

    base: int
    place: str
    kind: str
    order: str
    value: float
    fits: bool | None


@dataclass(frozen=True)
class Search:
    """What is asked of a line. register: its number as people write it; empty: only who answers

    Raises ValueError for what cannot be asked.
    """

    settings: LineSettings
    units: Sequence[int]
    register: str
    table: str
    wanted: Wanted
    timeout_s: float

    def __post_init__(self) -> None:
        if self.table not in ("holding", "input"):
            raise ValueError(f"table: expected holding or input, found {self.table!r}")
        if not self.timeout_s > 0:
            raise ValueError(f"timeout_s: expected a positive number of seconds, found {self.timeout_s:g}")
        _ = self.place

    @property
    def place(self) -> tuple[int, str]:
        """The number that is shown from both bases, and its table. Raises ValueError."""
        if not self.register or (len(self.register) < 5 and self.register.isdecimal()):
            return int(self.register or 0), self.table
        address, named = read_address(self.register, None, 0)
        return address + 1, named or self.table


async def search(asked: Search) -> dict[str, Any]:
    """`units` that answer, and by unit every way to read the `register`. Raises SourceUnavailable."""
    found = [one async for one in units(asked.settings, asked.units, asked.timeout_s)]
    number, table = asked.place
    ways = {
        one.unit: await candidates(asked.settings, one.unit, table, number, asked.wanted, asked.timeout_s)
        for one in (found if asked.register else [])
    }
    return {"units": found, "register": ways}


def found_lines(asked: Search, found: Mapping[str, Any]) -> list[str]:
    """What `search` found, for people."""
    lines = [f"unit {one.unit} {one.how}" for one in found["units"]] or ["no unit answers"]
    for unit, ways in found["register"].items():
        lines += [f"unit {unit}, register {asked.register}:", *(f"  {way}" for way in told(ways, asked.wanted))]
    return lines


async def units(settings: LineSettings, wanted: Sequence[int], timeout_s: float) -> AsyncIterator[Found]:
    """Those of the wanted units that answer, an exception being an answer too."""
    async with shared_line(settings) as line:
        for unit in wanted:
            try:
                reply = await line.transact(unit, read_request("holding", 0, 1), timeout_s)
            except SourceUnavailable as problem:
                if line.counts["not connected"]:  # then no unit will answer
                    raise SourceUnavailable(f"{settings.shown}: {problem}") from problem
                continue
            code = exception_code(reply)
            yield Found(unit, "answers" if code is None else f"answers with {exception_text(code)}")


async def candidates(
    settings: LineSettings, unit: int, table: str, number: int, wanted: Wanted, timeout_s: float
) -> list[Candidate]:
    """Every way to read the register of that number, counted from 0 and from 1; what fits comes first.

    Raises SourceUnavailable where the unit does not answer.
    """
    found: list[Candidate] = []
    async with shared_line(settings) as line:
        for base in (0, 1):
            address = number - base
            for count in (4, 2, 1):  # as many as the device has
                if not 0 <= address <= address + count - 1 <= 0xFFFF:
                    continue
                pdu = read_request(table, address, count)
                reply = await line.transact(unit, pdu, timeout_s)
                if exception_code(reply) is None:
                    found += _readings(reply_words(pdu, reply), base, notation(table, address), wanted)
                    break
    return sorted(found, key=lambda one: (one.fits is not True, one.base, _KINDS.index(one.kind)))


def _readings(words: Words, base: int, place: str, wanted: Wanted) -> Iterator[Candidate]:
    for kind in _KINDS:
        seen: set[float] = set()
        for order in ORDERS:
            encoding = Encoding(kind, order, wanted.scale, 0.0, wanted.unit)
            if encoding.width > words.size:
                continue
            value = float(from_si(encoding.decode(words[: encoding.width])[0], wanted.unit))
            if value in seen:
                continue
            seen.add(value)
            fits = wanted.low <= value <= wanted.high if wanted.known else None
            yield Candidate(base, place, kind, order, value, fits)


def told(found: Sequence[Candidate], wanted: Wanted) -> list[str]:
    """For people."""
    unit = "" if wanted.unit == "1" else f" {wanted.unit}"
    marks = {True: "  fits", False: "", None: ""}
    return [
        f"base {one.base}  {one.place:20}  {one.kind:8}  {one.order}  {one.value:.6g}{unit}{marks[one.fits]}"
        for one in found
    ] or ["no register there, in neither base"]


def parse_units(text: str) -> list[int]:
    """`1-10,80` as numbers. Raises ValueError."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.strip().isdecimal() or not (last or first).strip().isdecimal():
            raise ValueError(f"units: expected numbers such as 1-10,80, found {text!r}")
        found += range(int(first), int(last or first) + 1)
    if not all(0 <= unit <= 255 for unit in found):
        raise ValueError(f"units: expected 0 to 255, found {text!r}")
    return found
