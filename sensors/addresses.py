"""Addresses as people write them: 0-based, 1-based, or in the traditional notation that names the table too."""

from __future__ import annotations

import re

from sensors.registers import TABLES

_TRADITIONAL = re.compile(r"([0134])x?(\d{4,5})")
_TABLE_OF = {digit: table for table, digit in TABLES.items()}


def read_address(written: int | str, table: str | None, base: int) -> tuple[int, str | None]:
    """The 0-based address, and the table where the notation or `table` names it.

    written: a number counted from `base` (0 or 1), or a text such as "40053", "400053" or "4x0053" (holding 52)
    Raises ValueError for another text, for one of another table than `table`, and for a number before the first.
    """
    if isinstance(written, int):
        if written < base:
            raise ValueError(f"address: found {written}, expected {base} or more (device.base = {base})")
        return written - base, table
    found = _TRADITIONAL.fullmatch(written)
    if found is None or int(found[2]) == 0:
        raise ValueError(f"address: found {written!r}, expected a number, or a text such as '40053' or '4x0053'")
    named = _TABLE_OF[found[1]]
    if table is not None and table != named:
        raise ValueError(f"address: found {written!r}, which is in table {named}, expected one in {table}")
    return int(found[2]) - 1, named
