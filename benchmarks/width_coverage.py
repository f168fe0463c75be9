"""Coverage of the spall-width intervals in simulation, race by race, at every width from 0.05 to 8 mm.

    python -m benchmarks.width_coverage [WINDOWS] [SEED]

Weak to strong and soft to hard entries, signal-to-noise ratios 0 to 20 dB, 40 revolutions a window, an SKF 6205; then
entries of one end of their range only. The constants in `bearing_entry` were set on other seeds than the one that this
prints by default. Another physics: `python -m benchmarks.width_other_physics`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inversion.engines.least_squares import LeastSquares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, BearingGeometry
from inversion.physics.bearing_simulation import Machine, Spall, simulate_waveform
from inversion.physics.machine_draws import draw_machine, draw_spall
from sensors import Frame, Waveform

BEARING = BearingGeometry(9, 7.94, 39.04)
WIDTHS_M = (0.05e-3, 8e-3)
STRONG, WEAK = (0.8, 1.0), (0.1, 0.125)  # both ends of the range of entry strengths
REVOLUTIONS = 40
_WIDEST_MM = RollingBearing(BEARING).widest_mm
PRIOR_MM = (0.05 * _WIDEST_MM, 0.95 * _WIDEST_MM)  # the prior's own 90 % interval
CASES = (
    *((51_200.0, 30.0, race, None) for race in RACES),
    *((51_200.0, 30.0, race, STRONG) for race in RACES),
    *((51_200.0, 30.0, race, WEAK) for race in RACES),
    (51_200.0, 15.0, "inner", None),
    (51_200.0, 45.0, "inner", None),
    (102_400.0, 30.0, "outer", None),
)


def windows(
    sample_rate: float,
    shaft_hz: float,
    race: str,
    count: int,
    seed: Sequence[int],
    strength: tuple[float, float] | None = None,
) -> np.ndarray:
    """(count, 6): true width, low and high end of the 90 % interval, value, mm; resolved; entry strength."""
    rng = np.random.default_rng(list(seed))
    model = RollingBearing(BEARING)
    inverter = LeastSquares().bind(model)
    name = f"{race}_spall"
    found = []
    for _ in range(count):
        spall = draw_spall(race, rng.uniform(*WIDTHS_M), rng.uniform(0, 20), model.relief, rng)
        if strength is not None:
            spall = replace(spall, entry=float(rng.uniform(*strength)))
        frame = simulated_frame(draw_machine(BEARING, shaft_hz, rng), spall, sample_rate, rng)
        estimate = inverter.invert(model.observe([frame]))[0]
        ends = estimate.interval(name, 0.9)
        found.append((spall.width, *ends, estimate.value(name), estimate.resolvable(name), spall.entry))
    return np.array(found) * (1e3, 1e3, 1e3, 1e3, 1, 1)


def simulated_frame(machine: Machine, spall: Spall, sample_rate: float, rng: np.random.Generator) -> Frame:
    """One window of a machine with one spall."""
    samples = int(REVOLUTIONS * sample_rate / machine.shaft_hz)
    record = simulate_waveform(machine, (spall,), sample_rate, samples, rng)
    channels = {
        "acceleration": Waveform(record, sample_rate, "m/s2"),
        "shaft_hz": Waveform(np.array([machine.shaft_hz], np.float32), 1.0, "Hz"),
    }
    return Frame("simulated", 0, True, channels)


def winkler(width: np.ndarray, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
    """Interval score at 90 %: the length, 20 times what it misses by (Winkler, J. Am. Stat. Assoc. 67 (1972) 187)."""
    missed = np.maximum(low - width, 0) + np.maximum(width - high, 0)
    return np.asarray(high - low + 20 * missed)


def line(case: str, rows: np.ndarray) -> str:
    """One row of the table."""
    width, low, high, value, flag = rows[:, :5].T
    inside, resolved = (low <= width) & (width <= high), flag > 0
    third = np.minimum((width / (WIDTHS_M[1] * 1e3) * 3).astype(int), 2)
    scores = winkler(width, low, high), winkler(width, *PRIOR_MM)
    parts = [inside[third == k].mean() for k in range(3)]
    ratios = [scores[0][third == k].mean() / scores[1][third == k].mean() for k in range(3)]
    rmse = float(np.sqrt(np.mean((value - width)[resolved] ** 2)))
    span = float(np.median((high - low)[resolved]))
    share = (high - low).mean() / (PRIOR_MM[1] - PRIOR_MM[0])
    return (
        f"{case:32s} {inside.mean():8.3f} [{' '.join(f'{part:.2f}' for part in parts):>14s}] {resolved.mean():8.2f} "
        f"{inside[resolved].mean():8.3f} {span:8.3f} {rmse:8.3f} {share:8.2f} "
        f"[{' '.join(f'{ratio:.2f}' for ratio in ratios):>14s}]"
    )


def main() -> None:
    """Print coverage, share resolved, and the width and score of the intervals."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 31_415
    print(f"90 % intervals of the spall width, {count} windows a row; by third of the true width in brackets")
    columns = f"{'covered':>8s} {'':16s} {'resolved':>8s} {'covered':>8s} {'mm':>8s} {'RMSE mm':>8s} {'of prior':>8s}"
    print(f"{'case':32s} {columns}  Winkler score over the prior's")
    for k, (sample_rate, shaft_hz, race, strength) in enumerate(CASES):
        case = f"{race}, {sample_rate / 1e3:g} kHz, {shaft_hz:g} Hz"
        case += "" if strength is None else f", entry {strength[0]:g}..{strength[1]:g}"
        print(line(case, windows(sample_rate, shaft_hz, race, count, [seed, k], strength)), flush=True)


if __name__ == "__main__":
    main()
