"""Bearings by designation, as the documents of public test rigs state them; internal geometry differs between makers.

Where a bearing is not listed, take its numbers from the maker's catalog, or its fault orders from the maker's
calculator: see `geometry_from_orders`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import numpy as np

from inversion.physics.bearing import BearingGeometry


@dataclass(frozen=True)
class CatalogEntry:
    """A geometry, and the document that states it."""

    geometry: BearingGeometry
    source: str


CATALOG: dict[str, CatalogEntry] = {
    "6203": CatalogEntry(
        BearingGeometry(8, 6.746, 28.50), "Case Western Reserve University Bearing Data Center, fan end, SKF 6203-2RS"
    ),
    "6205": CatalogEntry(
        BearingGeometry(9, 7.940, 39.04), "Case Western Reserve University Bearing Data Center, drive end, SKF 6205-2RS"
    ),
    "6804": CatalogEntry(
        BearingGeometry(13, 3.500, 25.60), "Nectoux et al., PRONOSTIA, IEEE PHM 2012, test bearing NSK 6804"
    ),
    "ER12K": CatalogEntry(BearingGeometry(8, 7.9375, 33.477), "SpectraQuest Machinery Fault Simulator, rotor bearings"),
    "ER16K": CatalogEntry(BearingGeometry(9, 7.940, 38.52), "Huang & Baddour, Data in Brief 21 (2018) 1745, Table 1"),
    "UER204": CatalogEntry(
        BearingGeometry(8, 7.920, 34.55),
        "Wang et al., XJTU-SY, IEEE Trans. Reliability 69 (2020) 401, test bearing LDK",
    ),
    "ZA-2115": CatalogEntry(
        BearingGeometry(16, 8.407, 71.501, 15.17), "Qiu et al., J. Sound Vib. 289 (2006) 1066, Rexnord, IMS rig"
    ),
}


@dataclass(frozen=True)
class FaultOrders:
    """What a maker's calculator prints: fault frequencies over the shaft frequency; bsf is one spin, not two strikes.

    pitch_diameter_mm: the mean of bore and outside diameter is near enough; it scales the width of a spall only
    """

    bpfo: float
    bpfi: float
    bsf: float
    pitch_diameter_mm: float


def geometry_by_designation(designation: str) -> BearingGeometry:
    """Geometry of a listed bearing. Maker, seals and clearance are ignored: "SKF 6205-2RS C3" is a 6205.

    Raises ValueError that names the nearest designations there are.
    """
    wanted = designation.upper()
    for name, entry in CATALOG.items():
        if re.search(rf"(?<![0-9A-Z]){re.escape(name)}(?![0-9])|^[A-Z]{{0,6}}{re.escape(name)}(?![0-9])", wanted):
            return entry.geometry
    near = difflib.get_close_matches(wanted, CATALOG, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"listed are {', '.join(CATALOG)}"
    raise ValueError(f"bearing {designation!r} is not listed ({hint}); give its numbers or its fault orders instead")


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
