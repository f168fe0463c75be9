"""How near the spall widths come to what the waveform holds: RMSE over the time-domain Cramér-Rao bound.

    python -m benchmarks.width_efficiency [WINDOWS] [SEED]

The bound is that of one who knows everything but the width: the structure, the noise, when every element passes, how
strong and how soft each entry is. The waveform without noise is simulated twice, at two widths and otherwise the same;
their difference, whitened by the noise, is the information (Kay, Fundamentals of Statistical Signal Processing:
Estimation Theory, Prentice Hall 1993, equation 3.14). `crooked` adds what nobody can know: edges that are not straight
scatter each passage by 2 %, so that their mean is only known to 2 % over the root of the passages. `relief` adds where
on the path of relief an entry is felt, which no record tells. Judged with entries felt at the edge, and known to be,
and with entries felt anywhere.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from benchmarks.width_coverage import BEARING, REVOLUTIONS, simulated_frame
from inversion.engines.least_squares import LeastSquares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, fault_orders
from inversion.physics.bearing_simulation import Machine, Spall, simulate_waveform
from inversion.physics.machine_draws import draw_machine, draw_spall

RATE, SHAFT_HZ = 51_200.0, 30.0
SAMPLES = int(REVOLUTIONS * RATE / SHAFT_HZ)
_STEP_M = 2e-6
_STILL = 1e-9  # m/s2: no noise to speak of
_AVERAGED = 64  # bins of the noise's spectrum


def bound(machine: Machine, spall: Spall, seed: int, rng: np.random.Generator) -> float:
    """m, the smallest deviation that an unbiased estimate of the width can have."""
    silent = replace(machine, noise=_STILL, shaft=(), bits=40)
    waveforms = []
    for width in (spall.width - _STEP_M / 2, spall.width + _STEP_M / 2):
        again = np.random.default_rng(seed)
        waveforms.append(simulate_waveform(silent, (replace(spall, width=width),), RATE, SAMPLES, again))
    change = np.abs(np.fft.rfft((waveforms[1] - waveforms[0]) / _STEP_M)) ** 2
    noise = np.abs(np.fft.rfft(simulate_waveform(replace(machine, shaft=()), (), RATE, 8 * SAMPLES, rng))) ** 2 / 8
    level = np.repeat(noise[: noise.size // _AVERAGED * _AVERAGED].reshape(-1, _AVERAGED).mean(axis=1), _AVERAGED)
    information = 2 * np.sum(change / np.interp(np.arange(change.size) * 8, np.arange(level.size), level))
    return float(1 / np.sqrt(information))


def errors(race: str, relief_mm: float | None, count: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) of the windows that resolve the width: error, bound, scatter of crooked edges, m."""
    model = RollingBearing(BEARING, relief_mm=relief_mm)
    inverter = LeastSquares().bind(model)
    passages, found = fault_orders(BEARING)[race] * REVOLUTIONS, []
    for number in range(count):
        machine = draw_machine(BEARING, SHAFT_HZ, rng)
        spall = draw_spall(race, rng.uniform(1e-3, 8e-3), rng.uniform(0, 20), model.relief, rng)
        estimate = inverter.invert(model.observe([simulated_frame(machine, spall, RATE, rng)]))[0]
        if estimate.resolvable(f"{race}_spall"):
            least = bound(machine, spall, number, rng)
            found.append((estimate.value(f"{race}_spall") - spall.width, least, 0.02 * spall.width / passages**0.5))
    return np.array(found)


def main() -> None:
    """Print, race by race, the share resolved, the RMSE and its ratio to the bounds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1_618
    names = ("resolved", "RMSE mm", "bound", "ratio", "crooked", "ratio", "relief", "ratio")
    print(f"{'race':6s} {'felt':>8s} " + " ".join(f"{name:>8s}" for name in names))
    for k, race in enumerate(RACES):
        for relief_mm in (0.0, None):
            found = errors(race, relief_mm, count, np.random.default_rng([seed, k]))
            error, least, crooked = 1e3 * np.sqrt(np.mean(found**2, axis=0))
            both = float(np.hypot(least, crooked))
            path = 1e3 * RollingBearing(BEARING, relief_mm=relief_mm).relief
            every = float(np.hypot(both, 2 * path / np.sqrt(12)))  # uniform, twice the path
            numbers = (len(found) / count, error, least, error / least, both, error / both, every, error / every)
            felt = "anywhere" if relief_mm is None else "at edge"
            print(f"{race:6s} {felt:>8s} " + " ".join(f"{number:8.4g}" for number in numbers), flush=True)


if __name__ == "__main__":
    main()
