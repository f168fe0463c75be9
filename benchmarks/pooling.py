"""What pooling over the segments of a long record is worth: margins of healthy machines, weak faults that are found.

    python -m benchmarks.pooling [RECORDS]

Simulated loud machines (`draw_busy_machine`), random bearings, speeds, sample rates; faults of any race far below the
noise.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from inversion.forward.bearing_claims import CLAIM_MARGIN, Claims, claim
from inversion.physics.bearing import RACES, longest_relief
from inversion.physics.bearing_simulation import simulate_waveform
from inversion.physics.machine_draws import draw_busy_machine, draw_geometry, draw_spall
from inversion.signal.transform import fast_length_below, spectrum

SAMPLE_RATES = (12_000.0, 20_000.0, 25_600.0)


def judged(rng: np.random.Generator, revolutions: float, race: str = "", snr_db: float = 0.0) -> Claims:
    """What is claimed in one record; without a race, of a healthy machine."""
    sample_rate = float(rng.choice(SAMPLE_RATES))
    shaft_hz = float(rng.uniform(15, 50))
    geometry = draw_geometry(rng)
    machine = draw_busy_machine(geometry, shaft_hz, rng)
    spalls = ()
    if race:
        machine = replace(machine, slip=float(rng.uniform(-0.004, 0.008)), jitter=float(rng.uniform(0.001, 0.01)))
        spalls = (draw_spall(race, rng.uniform(0.2e-3, 2e-3), snr_db, longest_relief(geometry), rng),)
    samples = fast_length_below(int(revolutions * sample_rate / shaft_hz))
    record = simulate_waveform(machine, spalls, sample_rate, samples, rng).astype(np.float32)
    record -= record.mean()
    return claim(record, spectrum(record), sample_rate, shaft_hz, geometry)


def main() -> None:
    """Print quantiles of healthy margins and shares of right and wrong claims."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    print(f"claimed at a margin of {CLAIM_MARGIN:g}")
    for revolutions in (40, 280):
        rng = np.random.default_rng(6_000 + revolutions)
        margins = [judged(rng, revolutions).margin for _ in range(2 * records)]
        said = ", ".join(f"{share:.1%} {np.quantile(margins, share):.3f}" for share in (0.5, 0.99, 1.0))
        claimed = np.mean(np.array(margins) > CLAIM_MARGIN)
        print(f"{revolutions} revolutions: healthy margins: {said}; claimed {claimed:.1%}")
        for snr_db in (-14.0, -8.0, -4.0):
            races = [RACES[k % 3] for k in range(records)]
            found = [judged(rng, revolutions, race, snr_db).slips for race in races]
            right = np.mean([race in slips for race, slips in zip(races, found, strict=True)])
            wrong = np.mean([bool(set(slips) - {race}) for race, slips in zip(races, found, strict=True)])
            print(f"  fault at {snr_db:g} dB: right {right:.2f}, wrong {wrong:.2f}")


if __name__ == "__main__":
    main()
