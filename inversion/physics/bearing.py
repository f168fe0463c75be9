"""Kinematics of a rolling bearing whose outer ring stands still.

Orders are multiples of the shaft speed. Source of the fault orders: Randall & Antoni, "Rolling element bearing
diagnostics - A tutorial", Mech. Syst. Signal Process. 25 (2011) 485-520, equations (1) to (4).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

RACES = ("outer", "inner", "ball")

#: Longest path, of an element's diameter D, on which a loaded element loses its load beyond the edge of a spall:
#: sqrt(2 D d) with d = 0.0016 D, the Hertzian deflection of either contact of a ball of 8 mm under 500 N (Harris,
#: Rolling Bearing Analysis, 4th ed. (2001), chapter 6); see docs/decisions/0043.
RELIEF_RATIO = 0.057


@dataclass(frozen=True)
class BearingGeometry:
    """What the catalog says of a bearing: number and diameter of the elements, pitch diameter, contact angle."""

    elements: int
    element_diameter_mm: float
    pitch_diameter_mm: float
    contact_angle_deg: float = 0.0

    def __post_init__(self) -> None:
        if not 3 <= self.elements <= 200:
            raise ValueError(f"elements must lie between 3 and 200, got {self.elements}")
        if not 0 < self.element_diameter_mm < self.pitch_diameter_mm < np.inf:
            raise ValueError(
                "element_diameter_mm must be positive and below pitch_diameter_mm, both finite, "
                f"got {self.element_diameter_mm} and {self.pitch_diameter_mm}"
            )
        if self.elements * self.element_diameter_mm > np.pi * self.pitch_diameter_mm:
            raise ValueError(
                f"{self.elements} elements of {self.element_diameter_mm} mm do not fit on a pitch circle "
                f"of {self.pitch_diameter_mm} mm"
            )
        if not 0 <= self.contact_angle_deg < 90:
            raise ValueError(f"contact_angle_deg must lie between 0 and 90, got {self.contact_angle_deg}")

    @cached_property
    def ratio(self) -> float:
        """(d / D) cos(contact angle)."""
        angle = np.radians(self.contact_angle_deg)
        return float(self.element_diameter_mm / self.pitch_diameter_mm * np.cos(angle))


def bpfo(geometry: BearingGeometry) -> float:
    """Ball-pass order of the outer race, n/2 (1 - c)."""
    return geometry.elements / 2 * (1 - geometry.ratio)


def bpfi(geometry: BearingGeometry) -> float:
    """Ball-pass order of the inner race, n/2 (1 + c)."""
    return geometry.elements / 2 * (1 + geometry.ratio)


def bsf(geometry: BearingGeometry) -> float:
    """Spin order of an element, D / (2 d) (1 - c^2); a pit on it strikes twice a spin."""
    return geometry.pitch_diameter_mm / (2 * geometry.element_diameter_mm) * (1 - geometry.ratio**2)


def ftf(geometry: BearingGeometry) -> float:
    """Fundamental train (cage) order, (1 - c) / 2."""
    return (1 - geometry.ratio) / 2


def fault_orders(geometry: BearingGeometry) -> dict[str, float]:
    """Strikes a shaft revolution for a pit on each of RACES: BPFO, BPFI, 2 BSF."""
    return {"outer": bpfo(geometry), "inner": bpfi(geometry), "ball": 2 * bsf(geometry)}


@lru_cache(maxsize=64)
def shaft_conflicts(geometry: BearingGeometry, slip: float = 0.015) -> tuple[str, ...]:
    """What the geometry alone makes hard to tell: fault orders that slip may move onto a harmonic of the shaft."""
    names = {"outer": "BPFO", "inner": "BPFI", "ball": "2 x BSF"}
    return tuple(
        f"{names[race]} {order:.3f} lies beside shaft order {round(order)}: {race} faults hide in shaft lines"
        for race, order in fault_orders(geometry).items()
        if abs(order - round(order)) <= slip * order
    )


def contact_speed(geometry: BearingGeometry, shaft_hz: float) -> float:
    """Speed of the contact along either race, m/s: v = pi f (D^2 - d^2 cos^2) / (2 D).

    Both races see the same speed: the element rolls without sliding. With a zero contact angle this is equation
    (3) of Sawalhi & Randall, "Vibration response of spalled rolling element bearings", Mech. Syst. Signal Process.
    25 (2011) 846-870, written for the outer race.
    """
    pitch = geometry.pitch_diameter_mm * 1e-3
    return float(np.pi * shaft_hz * pitch * (1 - geometry.ratio**2) / 2)


def entry_to_exit_time(width: float, speed: float, relief: float = 0.0) -> float:
    """Time between an entry into a spall and the impact on its far edge, s: (width - 2 relief) / (2 speed).

    width: m; speed: m/s of the contact; relief: m beyond the edge at which the entry is felt. Holds while the element
    bridges the spall: its center has then moved half the width when it strikes (Sawalhi & Randall 2011, section 2). An
    entry that would be felt after the strike is felt with it.
    """
    return max(width - 2 * relief, 0.0) / (2 * speed)


def longest_relief(geometry: BearingGeometry) -> float:
    """Longest path beyond the edge of a spall on which an element loses its load and may be felt, m.

    See `RELIEF_RATIO`; by similarity it holds for elements of any size under the same contact pressure.
    """
    return RELIEF_RATIO * geometry.element_diameter_mm * 1e-3


def width_floor(geometry: BearingGeometry, shaft_hz: float, sample_rate: float) -> float:
    """Smallest spall width that entry and exit can resolve, m: ten samples apart, 20 v / fs."""
    return 20 * contact_speed(geometry, shaft_hz) / sample_rate
