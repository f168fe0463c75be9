"""The shipped networks and least squares on the same simulated windows, which neither was set on.

    python -m benchmarks.network_accuracy [WINDOWS] [NETWORK]

An SKF 6205, 40 revolutions a window, signal-to-noise ratios 0 to 20 dB, weak to strong and soft to hard entries; widths
over the whole range of the network. Then controls that must resolve no width: strikes without an entry, and loud
healthy machines.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from inversion.core import Estimate, Inverter
from inversion.core.scores import interval_score
from inversion.engines.least_squares import LeastSquares
from inversion.engines.network import Network
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, BearingGeometry
from inversion.physics.bearing_simulation import Spall, simulate_waveform
from inversion.physics.machine_draws import draw_busy_machine, draw_machine, draw_spall
from inversion.store.network import load_card, network_folder
from sensors import Frame, Waveform

BEARING = BearingGeometry(9, 7.94, 39.04)
CASES = (
    (51_200.0, 30.0, "outer"),
    (51_200.0, 30.0, "inner"),
    (51_200.0, 30.0, "ball"),
    (51_200.0, 15.0, "outer"),
    (51_200.0, 45.0, "outer"),
    (102_400.0, 30.0, "outer"),
)


def frame(
    sample_rate: float, shaft_hz: float, spalls: tuple[Spall, ...], rng: np.random.Generator, busy: bool = False
) -> Frame:
    """One window of a machine drawn at random."""
    machine = (draw_busy_machine if busy else draw_machine)(BEARING, shaft_hz, rng)
    record = simulate_waveform(machine, spalls, sample_rate, int(40 * sample_rate / shaft_hz), rng)
    channels = {
        "acceleration": Waveform(record, sample_rate, "m/s2"),
        "shaft_hz": Waveform(np.array([shaft_hz], np.float32), 1.0, "Hz"),
    }
    return Frame("simulated", 0, True, channels)


def engines(name: str) -> tuple[RollingBearing, dict[str, Inverter]]:
    """Least squares and both precisions of a network, on one model whose ranges are the network's."""
    folder = network_folder(Path(name))
    ranges = {each.name: each for each in load_card(folder).parameter}
    model = RollingBearing(BEARING, widest_mm=ranges["outer_spall"].high * 1e3)
    bound: dict[str, Inverter] = {"least_squares": LeastSquares().bind(model)}
    for precision in ("full", "lite"):
        bound[precision] = Network(folder, precision).bind(model)
    return model, bound


def case(
    name: str, sample_rate: float, shaft_hz: float, race: str, windows: int, entry: bool = True
) -> dict[str, np.ndarray]:
    """By engine, (windows, 6): true width, low, high, value, mm, resolved, impact held."""
    rng = np.random.default_rng([int(sample_rate), int(shaft_hz), RACES.index(race), windows, 4])
    model, bound = engines(name)
    found: dict[str, list[tuple[float, ...]]] = {engine: [] for engine in bound}
    for _ in range(windows):
        spall = draw_spall(race, rng.uniform(0, model.widest_mm * 1e-3), rng.uniform(0, 20), model.relief, rng)
        spall = spall if entry else replace(spall, entry=0.0)
        features = model.observe([frame(sample_rate, shaft_hz, (spall,), rng)])
        for engine, inverter in bound.items():
            found[engine].append(_row(inverter.invert(features)[0], race, spall))
    return {engine: np.array(rows) for engine, rows in found.items()}


def healthy(name: str, windows: int) -> dict[str, int]:
    """Windows of loud healthy machines in which an engine resolves anything."""
    rng = np.random.default_rng([windows, 5])
    model, bound = engines(name)
    claims = dict.fromkeys(bound, 0)
    for _ in range(windows):
        features = model.observe([frame(51_200.0, float(rng.uniform(20, 45)), (), rng, busy=True)])
        for engine, inverter in bound.items():
            claims[engine] += any(inverter.invert(features)[0].resolved)
    return claims


def _row(estimate: Estimate, race: str, spall: Spall) -> tuple[float, ...]:
    low, high = estimate.interval(f"{race}_spall", 0.9)
    least, most = estimate.interval(f"{race}_impact", 0.9)
    held = least <= spall.impact <= most
    value, resolved = estimate.value(f"{race}_spall"), estimate.resolvable(f"{race}_spall")
    return spall.width * 1e3, low * 1e3, high * 1e3, value * 1e3, float(resolved), float(held)


def main() -> None:
    """Print a table of all cases, then the controls."""
    windows = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    name = sys.argv[2] if len(sys.argv) > 2 else "rolling_bearing_v1"
    print(f"{name}: 90 % intervals of the width, {windows} windows a case; score: mean interval score, mm")
    titles = ("covered", "score", "resolved", "covered", "interval", "RMSE", "impact held")
    print(f"{'case':26s} {'engine':14s} " + " ".join(f"{title:>8s}" for title in titles))
    for sample_rate, shaft_hz, race in CASES:
        for engine, rows in case(name, sample_rate, shaft_hz, race, windows).items():
            width, low, high, value, flag, held = rows.T
            inside, resolved = (low <= width) & (width <= high), flag > 0
            some = resolved if resolved.any() else np.ones_like(resolved)
            told = f"{race}, {sample_rate / 1e3:g} kHz, {shaft_hz:g} Hz"
            score = interval_score(low, high, width, 0.9).mean()
            rmse = np.sqrt(np.mean((value - width)[some] ** 2))
            median = np.median((high - low)[some])
            figures = (inside.mean(), score, resolved.mean(), inside[some].mean(), median, rmse, held.mean())
            print(f"{told:26s} {engine:14s} " + " ".join(f"{figure:8.3f}" for figure in figures))
    for engine, rows in case(name, 51_200.0, 30.0, "outer", windows, entry=False).items():
        print(f"no entry: {engine} resolves a width in {int(rows[:, 4].sum())} of {windows} windows")
    for engine, count in healthy(name, windows).items():
        print(f"healthy: {engine} resolves something in {count} of {windows} windows")


if __name__ == "__main__":
    main()
