"""The closed list of units, and the one place where customary units become SI and back."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.floating])

#: SI units a `Waveform` may carry; "1" is dimensionless.
SI_UNITS = frozenset(
    {"1", "m", "m/s", "m/s2", "Hz", "s", "K", "Pa", "V", "A", "W", "N", "N·m", "m3/s", "rad", "kg", "kg·m", "W/m2"}
)

# customary unit -> (SI unit, factor, offset):  SI = customary * factor + offset
_CUSTOMARY: dict[str, tuple[str, float, float]] = {
    "g": ("m/s2", 9.80665, 0.0),
    "mg": ("m/s2", 9.80665e-3, 0.0),
    "mm": ("m", 1e-3, 0.0),
    "um": ("m", 1e-6, 0.0),
    "µm": ("m", 1e-6, 0.0),
    "mm/s": ("m/s", 1e-3, 0.0),
    "in/s": ("m/s", 0.0254, 0.0),
    "rpm": ("Hz", 1.0 / 60.0, 0.0),
    "kHz": ("Hz", 1e3, 0.0),
    "ms": ("s", 1e-3, 0.0),
    "us": ("s", 1e-6, 0.0),
    "min": ("s", 60.0, 0.0),
    "degC": ("K", 1.0, 273.15),
    "°C": ("K", 1.0, 273.15),
    "bar": ("Pa", 1e5, 0.0),
    "mV": ("V", 1e-3, 0.0),
    "mA": ("A", 1e-3, 0.0),
    "kW": ("W", 1e3, 0.0),
    "kN": ("N", 1e3, 0.0),
    "gram": ("kg", 1e-3, 0.0),  # "g" is the acceleration of gravity
    "kW/m2": ("W/m2", 1e3, 0.0),
    "MW/m2": ("W/m2", 1e6, 0.0),
    "l/min": ("m3/s", 1e-3 / 60.0, 0.0),
    "deg": ("rad", float(np.pi / 180.0), 0.0),
    "%": ("1", 0.01, 0.0),
    "g·mm": ("kg·m", 1e-6, 0.0),
}


def known_units() -> tuple[str, ...]:
    """Every unit accepted in a configuration, SI first."""
    return (*sorted(SI_UNITS), *sorted(_CUSTOMARY))


def si_unit(unit: str) -> str:
    """The SI unit that `unit` is converted to. Raises ValueError for a unit outside the closed list."""
    if unit in SI_UNITS:
        return unit
    if unit in _CUSTOMARY:
        return _CUSTOMARY[unit][0]
    raise ValueError(f"unknown unit {unit!r}, expected one of: {', '.join(known_units())}")


def to_si(value: Number, unit: str) -> Number:
    """`value` in `unit`, as SI."""
    si_unit(unit)
    if unit in SI_UNITS:
        return value
    _, factor, offset = _CUSTOMARY[unit]
    return value * factor + offset


def from_si(value: Number, unit: str) -> Number:
    """An SI `value`, in `unit`."""
    customary = _CUSTOMARY.get(unit)
    if customary is None:
        si_unit(unit)
        return value
    _, factor, offset = customary
    return (value - offset) / factor
