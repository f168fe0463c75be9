"""Balance quality grades of rigid rotors: ISO 21940-11:2016, clause 5 and table 1."""

from __future__ import annotations

import math

#: Grades of table 1, mm/s.
GRADES = (0.4, 1.0, 2.5, 6.3, 16.0, 40.0, 100.0, 250.0, 630.0, 1600.0, 4000.0)


def grade(unbalance: float, mass_kg: float, shaft_hz: float) -> float:
    """G = e omega in mm/s, of an unbalance in kg·m on a rotor (or its share of one) of this mass."""
    _check(mass_kg, shaft_hz)
    return 1e3 * unbalance / mass_kg * 2 * math.pi * shaft_hz


def permissible_unbalance(grade_mm_s: float, mass_kg: float, shaft_hz: float) -> float:
    """The unbalance that a grade permits, kg·m: the inverse of `grade`."""
    _check(mass_kg, shaft_hz)
    return 1e-3 * grade_mm_s * mass_kg / (2 * math.pi * shaft_hz)


def standard_grade(value_mm_s: float) -> float | None:
    """The finest grade of the table that still holds this value; None where it is beyond the coarsest."""
    return next((named for named in GRADES if value_mm_s <= named), None)


def _check(mass_kg: float, shaft_hz: float) -> None:
    if not (0 < mass_kg < math.inf and 0 < shaft_hz < math.inf):
        raise ValueError(f"mass and speed must be positive, got {mass_kg} kg and {shaft_hz} Hz")
