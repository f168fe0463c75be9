"""Coverage of the spall-width intervals in simulation: what the entry's nuisances in `rolling_bearing` are set by.

    python -m benchmarks.width_coverage [WINDOWS]

Widths 0 to 5 mm, weak to strong and soft to hard entries, signal-to-noise ratios 0 to 20 dB, 40 revolutions a window,
an SKF 6205. The seeds are not those of the test that holds the coverage.
"""

from __future__ import annotations

import sys

import numpy as np

from inversion.engines.least_squares import LeastSquares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry
from inversion.physics.bearing_simulation import simulate_waveform
from inversion.physics.machine_draws import draw_machine, draw_spall
from sensors import Frame, Waveform

BEARING = BearingGeometry(9, 7.94, 39.04)
WIDEST_MM = 5.0
CASES = (
    (51_200.0, 30.0, "outer"),
    (51_200.0, 30.0, "inner"),
    (51_200.0, 30.0, "ball"),
    (51_200.0, 15.0, "outer"),
    (51_200.0, 45.0, "outer"),
    (102_400.0, 30.0, "outer"),
)


def rows(sample_rate: float, shaft_hz: float, race: str, windows: int) -> np.ndarray:
    """(windows, 5): true width, low, high, value (mm), resolved."""
    rng = np.random.default_rng([int(sample_rate), int(shaft_hz), windows])
    model = RollingBearing(BEARING, widest_mm=WIDEST_MM)
    inverter = LeastSquares().bind(model)
    name = f"{race}_spall"
    found = []
    for _ in range(windows):
        spall = draw_spall(race, rng.uniform(0, WIDEST_MM * 1e-3), rng.uniform(0, 20), rng)
        machine = draw_machine(BEARING, shaft_hz, rng)
        record = simulate_waveform(machine, (spall,), sample_rate, int(40 * sample_rate / shaft_hz), rng)
        channels = {
            "acceleration": Waveform(record, sample_rate, "m/s2"),
            "shaft_hz": Waveform(np.array([shaft_hz], np.float32), 1.0, "Hz"),
        }
        estimate = inverter.invert(model.observe([Frame("simulated", 0, True, channels)]))[0]
        low, high = estimate.interval(name, 0.9)
        found.append((spall.width, low, high, estimate.value(name), estimate.resolvable(name)))
    return np.array(found) * (1e3, 1e3, 1e3, 1e3, 1)


def main() -> None:
    """Print coverage, share resolved, and the width of resolved intervals."""
    windows = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"90 % intervals of the spall width, {windows} windows a row; by third of the true width in brackets")
    columns = f"{'covered':>8s} {'':20s} {'resolved':>8s} {'covered if so':>13s} {'interval mm':>11s} {'RMSE mm':>8s}"
    print(f"{'case':28s} {columns}")
    for sample_rate, shaft_hz, race in CASES:
        width, low, high, value, flag = rows(sample_rate, shaft_hz, race, windows).T
        inside = (low <= width) & (width <= high)
        resolved = flag > 0
        third = np.minimum((width / WIDEST_MM * 3).astype(int), 2)
        thirds = " ".join(f"{inside[third == k].mean():.2f}" for k in range(3))
        case = f"{race}, {sample_rate / 1e3:g} kHz, {shaft_hz:g} Hz"
        rmse = float(np.sqrt(np.mean((value - width)[resolved] ** 2)))
        span = float(np.median((high - low)[resolved]))
        print(
            f"{case:28s} {inside.mean():8.3f} [{thirds:>16s}]   {resolved.mean():8.2f} "
            f"{inside[resolved].mean():13.3f} {span:11.2f} {rmse:8.3f}"
        )


if __name__ == "__main__":
    main()
