"""How far a fault's comb beats its decoys where there is no fault: what `CLAIM_MARGIN` is set by.

    python -m benchmarks.false_claims [WINDOWS]

Simulated loud healthy machines, random bearings, speeds, sample rates; 20 or 40 revolutions. The seed is not that of
the test that holds the rate.
"""

from __future__ import annotations

import sys

import numpy as np

from inversion.forward.bearing_claims import CLAIM_MARGIN, gathered, margin
from inversion.physics.bearing_simulation import simulate_waveform
from inversion.physics.machine_draws import SAMPLE_RATES, draw_busy_machine, draw_geometry
from inversion.signal.transform import fast_length_below, spectrum


def healthy_margin(rng: np.random.Generator) -> float:
    """Margin of the best comb in one healthy window."""
    sample_rate = float(rng.choice(SAMPLE_RATES))
    shaft_hz = float(rng.uniform(10, 60))
    geometry = draw_geometry(rng)
    machine = draw_busy_machine(geometry, shaft_hz, rng)
    samples = fast_length_below(int(rng.choice([20, 40]) * sample_rate / shaft_hz))
    record = simulate_waveform(machine, (), sample_rate, samples, rng).astype(np.float32)
    record -= record.mean()
    return margin(gathered(record, spectrum(record), sample_rate, shaft_hz, geometry), geometry)


def main() -> None:
    """Print quantiles of the margin and the share that would be claimed."""
    windows = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rng = np.random.default_rng(4_711)
    margins = np.array([healthy_margin(rng) for _ in range(windows)])
    print(f"margin of the best comb over the best decoy, {windows} simulated healthy windows")
    for share in (0.5, 0.9, 0.99, 0.998, 1.0):
        print(f"  {share:6.1%} quantile  {np.quantile(margins, share):7.3f}")
    print(f"claimed at CLAIM_MARGIN = {CLAIM_MARGIN:g}: {np.mean(margins > CLAIM_MARGIN):.2%}")


if __name__ == "__main__":
    main()
