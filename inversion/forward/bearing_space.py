"""The parameters of a rolling bearing: impacts, spalls, and the nuisances of the entries into them, of each race."""

from __future__ import annotations

import numpy as np

from inversion.core import Parameter, ParameterSpace
from inversion.forward.bearing_entry import CORNERS_HZ, HEIGHTS, SCATTERS
from inversion.physics.bearing import RACES


def bearing_space(widest: float, hardest: float) -> ParameterSpace:
    """Kind by kind, of each kind in the order of RACES. widest: m; hardest: m/s2."""
    low, high = np.log(HEIGHTS)
    impacts = [Parameter(f"{race}_impact", "m/s2", 0.0, hardest, f"strike of a fault, {race}", "g") for race in RACES]
    spalls = [
        Parameter(f"{race}_spall", "m", 0.0, widest, f"width of a spall, {race}", "mm", irreversible=True)
        for race in RACES
    ]
    nuisances = (
        ("edge", "1", (float(low), float(high)), "log of the energy at entry"),
        ("corner", "Hz", CORNERS_HZ, "softness of entry"),
        ("scatter", "1", SCATTERS, "crooked edges"),
        ("relief", "1", (0.0, 1.0), "where an entry is felt, of the longest path of relief"),
    )
    others = [
        Parameter(f"{race}_{name}", unit, *ends, meaning, nuisance=True)
        for name, unit, ends, meaning in nuisances
        for race in RACES
    ]
    return ParameterSpace((*impacts, *spalls, *others))


def of_a_race(race: int, parameters: int) -> list[int]:
    """Places of its width and of the nuisances of its entries, in the order of `bearing_entry.marks`."""
    return list(range(len(RACES) + race, parameters, len(RACES)))
