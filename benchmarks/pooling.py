"""What pooling over the segments of a long record is worth: margins of healthy machines, weak faults that are found.

    python -m benchmarks.pooling [RECORDS]

Simulated loud machines (`draw_busy_machine`), random bearings, speeds, sample rates; faults of any race far below the
noise. Then the same of an hour of live windows of 40 revolutions, one each five minutes (`pool_minutes`): what the last
of them claims by itself and with the others, and whether the 90 % interval of the impact of a claimed fault holds. The
speed that is said is off by up to 0.3 %, the same all the hour, and by 0.05 % from window to window.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from inversion.core import Features
from inversion.engines.least_squares import LeastSquares
from inversion.forward.bearing_claims import CLAIM_MARGIN, Evidence, claimed, gathered, margin
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, BearingGeometry, longest_relief
from inversion.physics.bearing_simulation import Machine, Spall, simulate_waveform
from inversion.physics.machine_draws import draw_busy_machine, draw_geometry, draw_spall
from inversion.signal.transform import fast_length_below, spectrum
from sensors import Frame, Waveform

WINDOWS = 12
SAMPLE_RATES = (12_000.0, 20_000.0, 25_600.0)


def drawn(
    rng: np.random.Generator, race: str, snr_db: float
) -> tuple[float, float, BearingGeometry, Machine, tuple[Spall, ...]]:
    """Sample rate and speed, Hz, a loud machine and its damage; without a race, a healthy one."""
    sample_rate = float(rng.choice(SAMPLE_RATES))
    shaft_hz = float(rng.uniform(15, 50))
    geometry = draw_geometry(rng)
    machine = draw_busy_machine(geometry, shaft_hz, rng)
    spalls: tuple[Spall, ...] = ()
    if race:
        machine = replace(machine, slip=float(rng.uniform(-0.004, 0.008)), jitter=float(rng.uniform(0.001, 0.01)))
        spalls = (draw_spall(race, rng.uniform(0.2e-3, 2e-3), snr_db, longest_relief(geometry), rng),)
    return sample_rate, shaft_hz, geometry, machine, spalls


def evident(
    rng: np.random.Generator, revolutions: float, race: str = "", snr_db: float = 0.0
) -> tuple[Evidence, BearingGeometry]:
    """The evidence of one record, and the bearing; without a race, of a healthy machine."""
    sample_rate, shaft_hz, geometry, machine, spalls = drawn(rng, race, snr_db)
    samples = fast_length_below(int(revolutions * sample_rate / shaft_hz))
    record = simulate_waveform(machine, spalls, sample_rate, samples, rng).astype(np.float32)
    record -= record.mean()
    return gathered(record, spectrum(record), sample_rate, shaft_hz, geometry), geometry


@dataclass(frozen=True)
class Hour:
    """What the last window of an hour claims by itself and with the others; held: the interval of the impact."""

    alone: frozenset[str]
    together: frozenset[str]
    held: bool | None


def hour(rng: np.random.Generator, race: str = "", snr_db: float = 0.0) -> Hour:
    """Of one machine; without a race, of a healthy one."""
    sample_rate, shaft_hz, geometry, machine, spalls = drawn(rng, race, snr_db)
    said, frames = shaft_hz * (1 + rng.uniform(-3e-3, 3e-3)), []
    for k in range(WINDOWS):
        record = simulate_waveform(machine, spalls, sample_rate, int(40 * sample_rate / shaft_hz), rng)
        speed = np.array([said * (1 + 5e-4 * rng.normal())], np.float32)
        channels = {
            "acceleration": Waveform(record.astype(np.float32), sample_rate, "m/s2"),
            "shaft_hz": Waveform(speed, 1.0, "Hz"),
        }
        frames.append(Frame("simulated", k * 300 * 10**9, True, channels))
    model = RollingBearing(geometry, pool_minutes=60)
    alone = _claimed(model.observe(frames[-1:]))
    features, _ = model.observe_in_turn(frames, {})
    [estimate] = LeastSquares().bind(model).invert(features)[-1:]
    held = None
    if race in _claimed(features):
        low, high = estimate.interval(f"{race}_impact", 0.9)
        held = low <= spalls[0].impact <= high
    return Hour(alone, _claimed(features), held)


def _claimed(features: Features) -> frozenset[str]:
    """Faults that the last window claims."""
    said = np.isneginf(features.limit[-1, : len(RACES)]) & np.isfinite(features.std[-1, : len(RACES)])
    return frozenset(race for race, one in zip(RACES, said, strict=True) if one)


def hours(count: int) -> None:
    """Print what pooling over an hour is worth."""
    print(f"\n{WINDOWS} windows of an hour: % right, wrong of the last one alone; with the others; impact held")
    rng = np.random.default_rng(6_600)
    healthy = [hour(rng) for _ in range(2 * count)]
    wrong = [100 * np.mean([bool(getattr(one, how)) for one in healthy]) for how in ("alone", "together")]
    print(f"  healthy: claimed {wrong[0]:.1f}; {wrong[1]:.1f} of {2 * count}")
    for snr_db in (-14.0, -8.0, -4.0, 0.0):
        found = [(RACES[k % 3], hour(rng, RACES[k % 3], snr_db)) for k in range(count)]
        told = [
            (
                np.mean([race in getattr(one, how) for race, one in found]),
                np.mean([bool(getattr(one, how) - {race}) for race, one in found]),
            )
            for how in ("alone", "together")
        ]
        held = [one.held for race, one in found if one.held is not None and race not in one.alone]
        ends = [one.held for race, one in found if one.held is not None and race in one.alone]
        print(
            f"  fault at {snr_db:g} dB: {'; '.join(f'{100 * a:.0f}, {100 * b:.0f}' for a, b in told)}; "
            f"held {sum(held)} of {len(held)} shown together, {sum(ends)} of {len(ends)} shown alone"
        )


def main() -> None:
    """Print quantiles of healthy margins and shares of right and wrong claims."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    print(f"claimed at a margin of {CLAIM_MARGIN:g}")
    for revolutions in (40, 280):
        rng = np.random.default_rng(6_000 + revolutions)
        margins = [margin(*evident(rng, revolutions)) for _ in range(2 * records)]
        said = ", ".join(f"{share:.1%} {np.quantile(margins, share):.3f}" for share in (0.5, 0.99, 1.0))
        wrongly = np.mean(np.array(margins) > CLAIM_MARGIN)
        print(f"{revolutions} revolutions: healthy margins: {said}; claimed {wrongly:.1%}")
        for snr_db in (-14.0, -8.0, -4.0):
            races = [RACES[k % 3] for k in range(records)]
            found = [claimed(*evident(rng, revolutions, race, snr_db)).slips for race in races]
            right = np.mean([race in slips for race, slips in zip(races, found, strict=True)])
            wrong = np.mean([bool(set(slips) - {race}) for race, slips in zip(races, found, strict=True)])
            print(f"  fault at {snr_db:g} dB: right {right:.2f}, wrong {wrong:.2f}")
    hours(records)


if __name__ == "__main__":
    main()
