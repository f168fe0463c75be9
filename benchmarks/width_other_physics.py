"""Spall widths on a bearing of another physics, `benchmarks/other_physics.py`.

    python -m benchmarks.width_other_physics [WINDOWS] [SEED]

An SKF 6205 under 100 to 600 N, spalls of 0.05 to 4.5 mm: a ball of 8 mm bridges no wider one of real depth. Judged with
the path of relief as it is by default, and as if every entry were felt at the edge (`relief_mm = 0`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from benchmarks.other_physics import acceleration, draw_rig
from inversion.engines.least_squares import LeastSquares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, BearingGeometry
from sensors import Frame, Waveform

SHAFT_HZ, RATE, SAMPLES = 30.0, 51_200.0, 68_266
WIDTHS_M = (0.05e-3, 4.5e-3)


def judged(race: str, count: int, seed: Sequence[int], relief_mm: float | None = None) -> np.ndarray:
    """(count, 5): true width, low and high end of the 90 % interval, value, mm; resolved."""
    rng = np.random.default_rng(list(seed))
    model = RollingBearing(BearingGeometry(9, 7.94, 39.04), relief_mm=relief_mm)
    inverter = LeastSquares().bind(model)
    name, rows = f"{race}_spall", []
    for _ in range(count):
        rig = draw_rig(race, rng.uniform(*WIDTHS_M), SHAFT_HZ, rng)
        channels = {
            "acceleration": Waveform(acceleration(rig, RATE, SAMPLES, rng).astype(np.float32), RATE, "m/s2"),
            "shaft_hz": Waveform(np.array([SHAFT_HZ], np.float32), 1.0, "Hz"),
        }
        estimate = inverter.invert(model.observe([Frame("rig", 0, True, channels)]))[0]
        ends = estimate.interval(name, 0.9)
        rows.append((rig.width, *ends, estimate.value(name), estimate.resolvable(name)))
    return np.array(rows) * (1e3, 1e3, 1e3, 1e3, 1)


def main() -> None:
    """Print coverage, and by how much the answers fall short."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 2_718
    columns = f"{'covered':>8s} {'resolved':>9s} {'covered':>8s} {'mm':>6s} {'bias mm':>8s} {'RMSE mm':>8s}"
    print(f"{'race':6s} {'relief_mm':>9s} {columns}")
    held: list[bool] = []
    for k, race in enumerate(RACES):
        for relief_mm in (0.0, None):
            width, low, high, value, flag = judged(race, count, [seed, k], relief_mm).T
            inside, resolved = (low <= width) & (width <= high), flag > 0
            held += [] if relief_mm is not None else inside.tolist()
            error, told = (value - width)[resolved], "default" if relief_mm is None else f"{relief_mm:g}"
            print(
                f"{race:6s} {told:>9s} {inside.mean():8.3f} {resolved.mean():9.2f} {inside[resolved].mean():8.3f} "
                f"{np.median((high - low)[resolved]):6.2f} {error.mean():8.3f} {np.sqrt(np.mean(error**2)):8.3f}",
                flush=True,
            )
    share = np.mean(held)
    print(f"all, default: {share:.1%} covered, standard error {np.sqrt(share * (1 - share) / len(held)):.1%}")


if __name__ == "__main__":
    main()
