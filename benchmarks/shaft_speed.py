"""How often the speed of a shaft is found in its vibration, and how far off it is.

    python -m benchmarks.shaft_speed [RECORDS]

Simulated loud machines (`draw_busy_machine`), with their shaft's harmonics or without, healthy or damaged; the nominal
speed is up to 4.5 % off, 5 % are searched, 40 revolutions.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from inversion.physics.bearing import RACES, longest_relief
from inversion.physics.bearing_simulation import simulate_waveform
from inversion.physics.machine_draws import draw_busy_machine, draw_geometry, draw_spall
from inversion.signal.shaft_speed import find_speed
from inversion.signal.transform import fast_length_below, spectrum

KINDS = ("healthy", "damaged", "without lines of the shaft")


def error(rng: np.random.Generator, kind: str) -> float:
    """Relative error of the speed that is found; not a number where none is."""
    sample_rate = float(rng.choice([12_000.0, 25_600.0]))
    shaft_hz = float(rng.uniform(10, 50))
    geometry = draw_geometry(rng)
    machine = draw_busy_machine(geometry, shaft_hz, rng)
    if kind == KINDS[2]:
        machine = replace(machine, shaft=())
    spalls = ()
    if kind == KINDS[1]:
        spalls = (draw_spall(str(rng.choice(RACES)), 1e-3, rng.uniform(0, 15), longest_relief(geometry), rng),)
    samples = fast_length_below(int(40 * sample_rate / shaft_hz))
    record = simulate_waveform(machine, spalls, sample_rate, samples, rng).astype(np.float32)
    nominal = machine.shaft_hz * (1 + rng.uniform(-0.045, 0.045))
    found = find_speed(spectrum(record - record.mean()), sample_rate / samples, nominal, 0.05)
    return float("nan") if found is None else abs(found / machine.shaft_hz - 1)


def main() -> None:
    """Print shares found and wrong, and the median error."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    for kind in KINDS:
        rng = np.random.default_rng(808)
        errors = np.array([error(rng, kind) for _ in range(records)])
        found = errors[np.isfinite(errors)]
        wrong = np.count_nonzero(found > 0.015) / records
        share, median = found.size / records, np.median(found)
        print(f"{kind}: found {share:.2f}, off by more than 1.5 % {wrong:.3f}, median error {median:.2%}")


if __name__ == "__main__":
    main()
