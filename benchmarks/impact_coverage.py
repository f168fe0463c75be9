"""How often the 90 % intervals of the impact hold the truth, over races, signal-to-noise ratios and record lengths.

    python -m benchmarks.impact_coverage [WINDOWS]

Simulated machines (`inversion.physics.machine_draws`), random bearings, speeds, sample rates; each has a fault.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from inversion.engines.least_squares import LeastSquares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, longest_relief
from inversion.physics.bearing_simulation import simulate_waveform
from inversion.physics.machine_draws import draw_geometry, draw_machine, draw_spall
from sensors import Frame, Waveform

SAMPLE_RATES = (12_000.0, 20_000.0, 25_600.0)


@dataclass(frozen=True)
class Judged:
    """One record: the truth and the 90 % interval of the impact of its fault, m/s2; whether it was claimed."""

    race: str
    truth: float
    low: float
    value: float
    high: float
    claimed: bool

    @property
    def held(self) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= self.truth <= self.high


def judge(rng: np.random.Generator, revolutions: float, race: str = "") -> Judged:
    """One damaged machine: a fault of 0 to 20 dB over the noise, on this race or on any."""
    race = race or str(rng.choice(RACES))
    sample_rate = float(rng.choice(SAMPLE_RATES))
    shaft_hz = float(rng.uniform(12, 50))
    geometry = draw_geometry(rng)
    machine = draw_machine(geometry, shaft_hz, rng)
    spall = draw_spall(race, rng.uniform(0.2e-3, 4e-3), rng.uniform(0, 20), longest_relief(geometry), rng)
    record = simulate_waveform(machine, (spall,), sample_rate, int(revolutions * sample_rate / shaft_hz), rng)
    channels = {
        "acceleration": Waveform(record, sample_rate, "m/s2"),
        "shaft_hz": Waveform(np.array([shaft_hz]), 1.0, "Hz"),
    }
    model = RollingBearing(geometry)
    [estimate] = LeastSquares().bind(model).invert(model.observe([Frame("simulated", 0, True, channels)]))
    name = f"{race}_impact"
    low, high = estimate.interval(name, 0.9)
    return Judged(race, spall.impact, low, estimate.value(name), high, estimate.resolvable(name))


def main() -> None:
    """Print coverage, bias and width of the claimed ones, and how often the bound of the others holds."""
    windows = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print("revolutions  fault     claimed   held  held of others   bias  width, shares of the truth")
    for revolutions in (20, 40, 160):
        rng = np.random.default_rng(20_000 + revolutions)
        judged = [judge(rng, revolutions) for _ in range(windows)]
        groups = {race: [one for one in judged if one.race == race] for race in RACES}
        for name, group in {**groups, "all": judged}.items():
            claimed = [one for one in group if one.claimed]
            others = [one for one in group if not one.claimed]
            print(
                f"{revolutions:<12} {name:<8} {len(claimed) / len(group):>8.3f} {share(claimed):>6.3f} "
                f"{share(others):>15.3f} {np.median([one.value / one.truth for one in claimed]) - 1:>6.3f} "
                f"{np.median([(one.high - one.low) / one.truth for one in claimed]):>6.3f}"
            )


def share(judged: list[Judged]) -> float:
    """Share of the intervals that hold the truth."""
    return float(np.mean([one.held for one in judged])) if judged else float("nan")


if __name__ == "__main__":
    main()
