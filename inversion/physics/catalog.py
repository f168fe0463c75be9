"""A bearing by its designation among listed ones, or by the fault orders that its maker's calculator prints."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inversion.physics.bearing import BearingGeometry

#: Makers whose name may stand before a designation without a space.
_MAKERS = "FAFNIR|FAG|IBU|INA|KG|KOYO|LDK|MB|MOCHU|MTK|NACHI|NSK|NTN|REXNORD|SKF|SNR|TIMKEN"


@dataclass(frozen=True)
class CatalogEntry:
    """A listed bearing: its geometry, the document that states it, and what else should be known; maker may be ""."""

    designation: str
    maker: str
    geometry: BearingGeometry
    source: str
    note: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9A-Z-]+", self.designation):
            raise ValueError(f"designation: expected capitals, digits and '-', found {self.designation!r}")
        if not self.source:
            raise ValueError("source: expected the document that states the numbers, found none")

    @property
    def name(self) -> str:
        """Maker and designation, as people write them."""
        return f"{self.maker} {self.designation}".strip()


@dataclass(frozen=True)
class FaultOrders:
    """What a maker's calculator prints: fault frequencies over the shaft frequency; bsf is one spin, not two strikes.

    pitch_diameter_mm: the mean of bore and outside diameter is near enough; it scales the width of a spall only
    """

    bpfo: float
    bpfi: float
    bsf: float
    pitch_diameter_mm: float


def find(designation: str, entries: Sequence[CatalogEntry]) -> CatalogEntry:
    """The entry of a listed bearing: that of the maker who is named, or else the first.

    Seals and clearance are ignored: "SKF 6205-2RS C3" is a 6205. Raises ValueError that names the nearest there are.
    """
    wanted = designation.upper()
    matching = [entry for entry in entries if _pattern(entry.designation).search(wanted)]
    if matching:
        by_maker = [entry for entry in matching if entry.maker and entry.maker in wanted]
        return (by_maker or matching)[0]
    names = list(dict.fromkeys(entry.designation for entry in entries))
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"listed are {', '.join(names)}"
    raise ValueError(f"bearing {designation!r} is not listed ({hint}); give its numbers or its fault orders instead")


def _pattern(designation: str) -> re.Pattern[str]:
    """What of a text is this designation: parted by blanks or hyphens, between other signs, or after a maker."""
    parted = r"[\s-]?".join(re.findall(r"[A-Z]+|[0-9]+", designation))
    return re.compile(rf"(?:(?<![0-9A-Z])|^(?:{_MAKERS})){parted}(?![0-9])")


def geometry_from_orders(orders: FaultOrders) -> BearingGeometry:
    """The geometry whose fault orders these are.

    bpfo + bpfi is the number of elements, their difference over it is (d / D) cos(angle), and bsf gives d / D
    (inverting the equations of `inversion.physics.bearing`). Raises ValueError where no bearing has these orders.
    """
    elements = round(orders.bpfo + orders.bpfi)
    if elements < 3 or abs(orders.bpfo + orders.bpfi - elements) > 0.02 * elements:
        raise ValueError(
            f"bpfo + bpfi must be the number of elements, a whole number from 3 on, got {orders.bpfo} + {orders.bpfi}"
        )
    ratio = (orders.bpfi - orders.bpfo) / elements
    if not 0 < ratio < 1 or not orders.bsf > 0:
        raise ValueError(f"bpfi must exceed bpfo and bsf be positive, got {orders.bpfi}, {orders.bpfo}, {orders.bsf}")
    relative = (1 - ratio**2) / (2 * orders.bsf)
    if not ratio <= 1.02 * relative:
        raise ValueError(f"bsf {orders.bsf} contradicts bpfo and bpfi: is it two strikes a spin? Then give half of it")
    angle = float(np.degrees(np.arccos(min(1.0, ratio / relative))))
    diameter = max(relative, ratio) * orders.pitch_diameter_mm
    return BearingGeometry(elements, diameter, orders.pitch_diameter_mm, angle)
