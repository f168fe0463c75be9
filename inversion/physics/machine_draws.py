"""Machines as they might be: random draws of structure, noise, hum and faults, for calibration and tests.

Nothing here is fitted to a recording; the ranges are wide on purpose.
"""

from __future__ import annotations

import numpy as np

from inversion.physics.bearing import BearingGeometry
from inversion.physics.bearing_simulation import Machine, Mode, Spall

SAMPLE_RATES = (12_000.0, 20_000.0, 25_600.0, 48_000.0, 51_200.0)

#: Entry strength relative to the exit, and the corner of its spectrum (Hz): nuisances with wide ranges.
ENTRY_RANGE = (0.1, 1.0)
ENTRY_HZ_RANGE = (3_000.0, 12_000.0)


def draw_geometry(rng: np.random.Generator) -> BearingGeometry:
    """Some ball or roller bearing: 7 to 19 elements, half of them with a contact angle of 15 degrees."""
    elements = int(rng.integers(7, 20))
    largest = min(0.3, 0.9 * np.pi / elements)
    return BearingGeometry(elements, 40 * float(rng.uniform(0.12, largest)), 40.0, float(rng.choice([0.0, 15.0])))


def draw_machine(geometry: BearingGeometry, shaft_hz: float, rng: np.random.Generator) -> Machine:
    """A structure of three resonances with colored noise of 1 m/s2 RMS and little else; slip and jitter vary."""
    ranges = ((1_500.0, 4_000.0), (5_000.0, 9_000.0), (10_000.0, 16_000.0))
    modes = tuple(
        Mode(float(rng.uniform(low, high)), float(rng.uniform(0.015, 0.06)), float(rng.uniform(0.4, 1.0)))
        for low, high in ranges
    )
    return Machine(
        geometry,
        shaft_hz,
        modes=modes,
        slip=float(rng.uniform(-0.004, 0.008)),
        jitter=float(rng.uniform(0.001, 0.01)),
        noise=1.0,
        noise_color=float(rng.uniform(0, 1)),
    )


def draw_busy_machine(geometry: BearingGeometry, shaft_hz: float, rng: np.random.Generator) -> Machine:
    """A healthy but loud machine: shaft harmonics, mains, gear tones, breathing noise, sometimes single shocks."""
    quiet = draw_machine(geometry, shaft_hz, rng)
    mains = float(rng.choice([50.0, 60.0]))
    tones = [(mains * k, float(rng.lognormal(-3, 1))) for k in range(1, 8)]
    tones += [
        (shaft_hz * int(rng.integers(11, 60)), float(rng.lognormal(-2, 1))) for _ in range(int(rng.integers(0, 5)))
    ]
    shocks = tuple(rng.uniform(3, 20, int(rng.integers(1, 6)))) if rng.random() < 0.3 else ()
    return Machine(
        geometry,
        shaft_hz * float(rng.uniform(0.996, 1.004)),
        modes=quiet.modes,
        noise=1.0,
        noise_color=quiet.noise_color,
        shaft=tuple(rng.lognormal(-1.5, 1, int(rng.integers(2, 12)))),
        tones=tuple(tones),
        breathing=float(rng.uniform(0, 0.6)),
        shocks=shocks,
    )


def draw_spall(race: str, width: float, snr_db: float, relief: float, rng: np.random.Generator) -> Spall:
    """A spall of this width on a machine of unit noise: weak to strong entry, soft to hard, felt early or late.

    relief: m, the longest path on which an element is relieved, see `inversion.physics.bearing.longest_relief`
    """
    low, high = np.log(ENTRY_RANGE)
    return Spall(
        race,
        width,
        impact=float(10 ** (snr_db / 20)),
        entry=float(np.exp(rng.uniform(low, high))),
        entry_hz=float(rng.uniform(*ENTRY_HZ_RANGE)),
        relief=float(rng.uniform(0, relief)),
    )
