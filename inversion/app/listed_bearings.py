"""`inversion bearings`: what is listed of rolling bearings, with fault orders and sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inversion.core import ConfigurationError
from inversion.physics.bearing import bpfi, bpfo, bsf, ftf, shaft_conflicts
from inversion.physics.catalog import CatalogEntry, find
from inversion.store.bearings import listed_bearings


def bearings_matching(text: str) -> list[dict[str, Any]]:
    """The entries that hold the text, or that a site would take for it, as plain data; all where it is empty.

    Raises ConfigurationError that names the nearest designations where there are none.
    """
    entries = listed_bearings()
    wanted = text.casefold()
    found = [entry for entry in entries if wanted in f"{entry.name} {entry.source}".casefold()]
    if not found:
        try:
            found = [find(text, entries)]
        except ValueError as problem:
            raise ConfigurationError(str(problem)) from problem
    return [_plain(entry) for entry in found]


def bearing_lines(found: Sequence[dict[str, Any]]) -> list[str]:
    """The entries for people: a line of numbers, then the source and what should be known."""
    lines = [
        f"{'bearing':<16} {'elements':>8} {'diameter':>9} {'pitch':>8} {'angle':>6} "
        f"{'BPFO':>8} {'BPFI':>8} {'BSF':>7} {'FTF':>7}",
        f"{'':<16} {'':>8} {'mm':>9} {'mm':>8} {'deg':>6} {'orders of the shaft speed':>33}",
    ]
    for one in found:
        lines.append(
            f"{one['name']:<16} {one['elements']:>8} {one['element_diameter_mm']:>9.3f} "
            f"{one['pitch_diameter_mm']:>8.2f} {one['contact_angle_deg']:>6.1f} "
            f"{one['bpfo']:>8.4f} {one['bpfi']:>8.4f} {one['bsf']:>7.4f} {one['ftf']:>7.4f}"
        )
        lines += [f"    {said}" for said in (one["source"], one["note"], *one["conflicts"]) if said]
    return lines


def _plain(entry: CatalogEntry) -> dict[str, Any]:
    geometry = entry.geometry
    return {
        "name": entry.name,
        "designation": entry.designation,
        "maker": entry.maker,
        "elements": geometry.elements,
        "element_diameter_mm": round(geometry.element_diameter_mm, 4),
        "pitch_diameter_mm": round(geometry.pitch_diameter_mm, 4),
        "contact_angle_deg": round(geometry.contact_angle_deg, 2),
        "bpfo": round(bpfo(geometry), 4),
        "bpfi": round(bpfi(geometry), 4),
        "bsf": round(bsf(geometry), 4),
        "ftf": round(ftf(geometry), 4),
        "conflicts": list(shaft_conflicts(geometry)),
        "source": entry.source,
        "note": entry.note,
    }
