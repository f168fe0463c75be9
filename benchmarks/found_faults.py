"""How often a fault is claimed where there is one, by the race and by how far the speed that is said is off.

    python -m benchmarks.found_faults [MACHINES] [SEED]

Simulated machines, every other one loud; random bearings, speeds, sample rates; a spall of 1 mm of -8 to 15 dB, 40
revolutions. Each window is judged at three speeds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from inversion.forward.bearing_claims import claimed, gathered
from inversion.physics.bearing import RACES, longest_relief
from inversion.physics.bearing_simulation import simulate_waveform
from inversion.physics.machine_draws import draw_busy_machine, draw_geometry, draw_machine, draw_spall
from inversion.signal.transform import fast_length_below, spectrum

SAMPLE_RATES = (12_000.0, 25_600.0, 51_200.0)
OFF = (0.0, 0.004, 0.01)  # the most by which the speed that is said is wrong, relative


def found(race: str, machines: int, seed: int) -> Iterator[tuple[tuple[bool, bool], ...]]:
    """Of each machine: whether the race is claimed, and whether another one is, at each of `OFF`."""
    rng = np.random.default_rng([seed, RACES.index(race)])
    for k in range(machines):
        sample_rate, shaft_hz = float(rng.choice(SAMPLE_RATES)), float(rng.uniform(10, 50))
        geometry = draw_geometry(rng)
        machine = (draw_busy_machine, draw_machine)[k % 2](geometry, shaft_hz, rng)
        spall = draw_spall(race, 1e-3, rng.uniform(-8, 15), longest_relief(geometry), rng)
        samples = fast_length_below(int(40 * sample_rate / shaft_hz))
        record = simulate_waveform(machine, (spall,), sample_rate, samples, rng).astype(np.float32)
        record -= record.mean()
        half, wrong = spectrum(record), rng.uniform(-1, 1)
        told = (machine.shaft_hz * (1 + off * wrong) for off in OFF)
        every = [claimed(gathered(record, half, sample_rate, hz, geometry), geometry).slips for hz in told]
        yield tuple((race in slips, bool(set(slips) - {race})) for slips in every)


def main() -> None:
    """Print the shares of machines of which the right race is claimed, and a wrong one."""
    machines = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 3_141
    print(f"{machines} machines a race; right, wrong, by how far the speed that is said may be off")
    print(f"{'':6s} {' '.join(f'{off:12.1%}' for off in OFF)}")
    for race in RACES:
        shares = np.mean([list(each) for each in found(race, machines, seed)], axis=0)
        print(f"{race:6s} {' '.join(f'{right:6.3f} {wrong:5.3f}' for right, wrong in shares)}", flush=True)


if __name__ == "__main__":
    main()
