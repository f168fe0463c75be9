"""The table of listed bearings: data with sources, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from inversion.core import ConfigurationError
from inversion.physics.bearing import BearingGeometry
from inversion.physics.catalog import CatalogEntry, FaultOrders, geometry_from_orders
from sensors.tomlfields import TomlText
from sensors.tomlfile import load

LISTED = Path(__file__).with_name("bearings.toml")


@cache
def listed_bearings(path: Path = LISTED) -> tuple[CatalogEntry, ...]:
    """All entries, in the order of the file. Raises ConfigurationError, one line `file:line: key: what`."""
    content, locate = load(path, ConfigurationError)
    text = TomlText(path, locate, ConfigurationError)
    text.refuse_unknown((), content, ("bearing",))
    tables = content.get("bearing", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise text.wrong(("bearing",), "expected tables, each under its own [[bearing]]")
    entries = tuple(_entry(text, number, table) for number, table in enumerate(tables))
    for number, entry in enumerate(entries):
        if any((entry.designation, entry.maker) == (other.designation, other.maker) for other in entries[:number]):
            raise text.wrong(("bearing", number, "designation"), f"{entry.name} is listed already")
    return entries


def _entry(text: TomlText, number: int, table: Mapping[str, Any]) -> CatalogEntry:
    key = ("bearing", number)
    if ("numbers" in table) == ("orders" in table):
        raise text.wrong(key, "expected either numbers or orders")
    rest = {"maker": "", **{name: value for name, value in table.items() if name not in ("numbers", "orders")}}
    return text.build(CatalogEntry, key, rest, geometry=_geometry(text, key, table))


def _geometry(text: TomlText, key: tuple[str | int, ...], table: Mapping[str, Any]) -> BearingGeometry:
    if "numbers" in table:
        return text.build(BearingGeometry, (*key, "numbers"), text.table((*key, "numbers"), table))
    orders = text.build(FaultOrders, (*key, "orders"), text.table((*key, "orders"), table))
    try:
        return geometry_from_orders(orders)
    except ValueError as problem:
        raise text.wrong((*key, "orders"), str(problem)) from problem
