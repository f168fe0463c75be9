"""What inverting one window costs, by itself and among a thousand: python -m benchmarks.invert

One row a kind of window; in `damaged` the width is sized too. Every window has other values, and where the model has a
speed another speed. Bars: 20 ms by itself, among a thousand at most a third of it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from inversion.core import Features, ForwardModel
from inversion.engines.least_squares import LeastSquares
from inversion.forward.empirical import Empirical
from inversion.forward.linear import Linear, Reading, Unknown
from inversion.forward.rolling_bearing import RollingBearing
from inversion.forward.unbalanced_rotor import UnbalancedRotor
from inversion.physics.bearing import BearingGeometry
from inversion.physics.bearing_simulation import Spall, simulate_waveform
from inversion.physics.machine_draws import draw_machine
from inversion.signal.features import Feature
from inversion.store.empirical import save
from inversion.training.fitting import fit
from inversion.training.labelled import Labelled
from inversion.training.recipe import Calibration, Target
from sensors import Frame, Quality, Waveform

BEARING = BearingGeometry(9, 7.94, 39.04)
RATE, SHAFT_HZ, SAMPLES = 51_200.0, 30.0, 68_000
Case = tuple[ForwardModel, Features]


def bearing(spalls: tuple[Spall, ...], windows: int, rng: np.random.Generator) -> Case:
    """Windows of a simulated bearing whose speed differs by a thousandth; 20 are simulated, the rest are like them."""
    model = RollingBearing(BEARING)
    frames = []
    for k in range(20):
        machine = draw_machine(BEARING, SHAFT_HZ * (1 + 1e-4 * k), rng)
        samples = simulate_waveform(machine, spalls, RATE, SAMPLES, rng).astype(np.float32)
        speed = Waveform(np.array([machine.shaft_hz], np.float32), 1.0, "Hz")
        frames.append(Frame("bench", 0, True, {"acceleration": Waveform(samples, RATE, "m/s2"), "shaft_hz": speed}))
    return model, repeated(model.observe(frames), windows, rng)


def repeated(features: Features, windows: int, rng: np.random.Generator) -> Features:
    """As many windows, every one with a little noise of its own."""
    rows = np.arange(windows) % len(features)
    noise = np.where(np.isfinite(features.std), features.std, 0.0)[rows]
    return Features(
        features.values[rows] + 0.1 * noise * rng.normal(size=noise.shape),
        features.std[rows],
        features.limit[rows],
        features.conditions[rows] * (1 + 1e-5 * rng.uniform(size=(windows, 1))),
        tuple(features.quality[row] for row in rows),
        tuple(features.reasons[row] for row in rows),
    )


def rotor(windows: int, rng: np.random.Generator) -> Case:
    """Two planes seen by four sensors."""
    influence = tuple(
        tuple((float(a), float(deg)) for a, deg in zip(row, rng.uniform(0, 360, 2), strict=True))
        for row in rng.uniform(0.005, 0.02, (4, 2))
    )
    model = UnbalancedRotor(
        ("a", "b", "c", "d"), ("left", "right"), influence, 30.0, 400.0, phase_channel="mark", noise=0.1
    )
    theta = rng.uniform(model.space.low, model.space.high, (windows, 4))
    conditions = rng.uniform(29.9, 30.1, (windows, 1))
    std = np.full((windows, 8), 1e-4)
    return model, made(model.simulate(theta, conditions) + std * rng.normal(size=std.shape), std, conditions)


def linear(folder: Path, windows: int, rng: np.random.Generator) -> Case:
    """Nine detectors, four lines."""
    matrix = np.exp(-((np.arange(9)[:, None] / 2 - np.arange(4)) ** 2) / 1.5)
    names = {"rows": [f"d{i}" for i in range(9)], "columns": [f"line {i}" for i in range(4)]}
    np.savez(folder / "matrix.npz", matrix=matrix, **names)  # type: ignore[arg-type]
    model = Linear(folder / "matrix.npz", (Unknown(0, 10.0),), (Reading(noise=0.3),))
    readings = rng.uniform(0, 10, (windows, 4)) @ matrix.T
    return model, model.features_of(readings + rng.normal(0, 0.3, readings.shape))


def empirical(folder: Path, parameters: int, windows: int, rng: np.random.Generator) -> Case:
    """Three curved features a parameter, fitted on 400 made-up windows."""
    d = 3 * parameters
    features = tuple(Feature(f"f{k}", "v", "level") for k in range(d))
    mixing, bend = rng.normal(size=(parameters, d)), rng.normal(size=(parameters, d))

    def seen(u: np.ndarray) -> np.ndarray:
        return u @ mixing + 0.3 * np.sin(2 * u) @ bend + 0.05 * rng.normal(size=(len(u), d))

    u = rng.uniform(-1, 1, (400, parameters))
    group = np.array([f"run {k % 40}" for k in range(400)])
    labelled = Labelled(seen(u), np.zeros((400, 0)), 5e-3 * (1 + u), group, {"v": "m/s2"}, {"v": 1000.0}, 1.0)
    targets = tuple(Target(f"x{k}", "mm", 0, 10) for k in range(parameters))
    save(fit(labelled, Calibration(features, targets)), folder / f"{parameters}.npz")
    model = Empirical(folder / f"{parameters}.npz")
    rows = [model.whiten(row, np.zeros(0)) for row in seen(rng.uniform(-1, 1, (windows, parameters)))]
    values, std, conditions = (np.array([row[k] for row in rows]) for k in range(3))
    return model, made(values, std, conditions)


def made(values: np.ndarray, std: np.ndarray, conditions: np.ndarray) -> Features:
    """Good windows without limits of detection."""
    n = len(values)
    return Features(values, std, np.full(values.shape, -np.inf), conditions, (Quality.GOOD,) * n, ("",) * n)


NAMES = (
    "bearing, healthy",
    "bearing, damaged and sized",
    "bearing, two races",
    "rotor, two planes",
    "linear, four of nine",
    "empirical, two parameters",
    "empirical, four parameters",
)


def cases(windows: int) -> dict[str, Case]:
    """By name the model and the windows."""
    rng = np.random.default_rng(1)
    folder = Path(tempfile.mkdtemp(prefix="invert-"))
    every = (
        bearing((), windows, rng),
        bearing((Spall("outer", 3e-3, 3.0),), windows, rng),
        bearing((Spall("outer", 3e-3, 3.0), Spall("inner", 2e-3, 3.0)), windows, rng),
        rotor(windows, rng),
        linear(folder, windows, rng),
        empirical(folder, 2, windows, rng),
        empirical(folder, 4, windows, rng),
    )
    return dict(zip(NAMES, every, strict=True))


def picked(features: Features, row: int) -> Features:
    """One window of them."""
    one = slice(row, row + 1)
    return Features(
        features.values[one],
        features.std[one],
        features.limit[one],
        features.conditions[one],
        features.quality[one],
        features.reasons[one],
    )


def main(windows: int = 1000, singles: int = 30) -> None:
    """Print the rows."""
    print(f"{'window':30s} {'ms by itself':>12s} {f'ms among {windows}':>14s} {'ratio':>6s}")
    for name, (model, features) in cases(windows).items():
        inverter = LeastSquares().bind(model)
        inverter.invert(picked(features, 0))
        took = []
        for row in range(singles):
            start = time.process_time()
            inverter.invert(picked(features, row))
            took.append(time.process_time() - start)
        start = time.process_time()
        inverter.invert(features)
        together = (time.process_time() - start) / windows
        alone = float(np.median(took))
        print(f"{name:30s} {1e3 * alone:12.2f} {1e3 * together:14.2f} {alone / together:6.1f}", flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
