"""The linear model against theory, and what each rule of regularization is worth: python -m benchmarks.linear

Nine detectors see four lines through overlapping responses; truths are drawn from the prior. Then 300 half sines of
heat flux through the shipped matrix, whose steps only a smooth course makes resolvable.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from inversion.core.scores import interval_score, rank_statistic
from inversion.engines.least_squares import LeastSquares
from inversion.engines.tikhonov import Tikhonov
from inversion.forward.linear import Linear, Reading, Unknown

RANGE = 10.0
DRAWS = 21_000
MATRIX = np.exp(-((np.arange(9)[:, None] / 2 - np.arange(4)) ** 2) / 1.5)
FLUX = Path(__file__).parents[1] / "configs" / "linear" / "heat_flux_matrix.csv"


@dataclass(frozen=True)
class Drawn:
    """truth, value, low, high, rank: (n, p); seconds: of one inversion."""

    truth: np.ndarray[Any, Any]
    value: np.ndarray[Any, Any]
    low: np.ndarray[Any, Any]
    high: np.ndarray[Any, Any]
    rank: np.ndarray[Any, Any]
    seconds: float

    @property
    def hits(self) -> np.ndarray[Any, Any]:
        """(n, p) whether the 90 % interval holds the truth, to a millionth of it."""
        return (self.low <= self.truth * (1 + 1e-6) + 1e-9) & (self.truth <= self.high)


def drawn(model: Linear, engine: Any, truth: np.ndarray[Any, Any], rng: np.random.Generator) -> Drawn:
    """Truths (n, p) SI seen through the model in its noise, inverted."""
    exact = model.simulate(truth, np.zeros(0))
    features = model.features_of(exact + rng.normal(0, model.reading[0].noise, exact.shape))
    began = time.perf_counter()
    estimates = engine.bind(model).invert(features)
    seconds = (time.perf_counter() - began) / len(truth)
    names = model.space.names
    intervals = np.array([[each.interval(name, 0.9) for name in names] for each in estimates])
    value = np.array([[each.value(name) for name in names] for each in estimates])
    rank = [
        [1 - each.probability_above(name, at) for name, at in zip(names, row, strict=True)]
        for each, row in zip(estimates, truth, strict=True)
    ]
    return Drawn(truth, value, intervals[..., 0], intervals[..., 1], np.array(rank), seconds)


def fifths(made: Drawn, by: np.ndarray[Any, Any]) -> str:
    """Lowest and highest coverage in fifths of `by`, over all parameters."""
    shares = []
    for j in range(made.truth.shape[1]):
        for rows in np.array_split(np.argsort(by[:, j]), 5):
            shares.append(100 * made.hits[rows, j].mean())
    return f"{min(shares):.1f} to {max(shares):.1f} %"


def theory() -> None:
    """RMSE over the Cramer-Rao bound, coverage by fifths of estimate and of truth, ranks."""
    print("engine        noise  bound/range  RMSE/bound    by estimate       by truth          ranks p   ms each")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "matrix.npz"
        np.savez(path, matrix=MATRIX, rows=[f"d{i}" for i in range(9)], columns=[f"line {i}" for i in range(4)])
        for engine in (Tikhonov(), LeastSquares()):
            for noise in (0.1, 0.3, 0.8):
                model = Linear(path, (Unknown(0, RANGE),), (Reading(noise=noise),))
                rng = np.random.default_rng(11)
                made = drawn(model, engine, rng.uniform(0, RANGE, (DRAWS, 4)), rng)
                bound = noise * np.sqrt(np.diag(np.linalg.inv(MATRIX.T @ MATRIX)))
                rmse = np.sqrt(np.mean((made.value - made.truth) ** 2, axis=0)) / bound
                worst = min(rank_statistic(made.rank[:, j])[1] for j in range(4))
                print(
                    f"{type(engine).__name__:<13} {noise:>5}  {bound.max() / RANGE:>11.3f}  {rmse.min():.2f} to "
                    f"{rmse.max():.2f}  {fifths(made, made.value):<16}  {fifths(made, made.truth):<16}  {worst:>7.3f}  "
                    f"{1e3 * made.seconds:>7.2f}"
                )


def rules() -> None:
    """What each rule is worth where only smoothness makes the parameters resolvable."""
    model = Linear(FLUX, (Unknown(0, 150, unit="kW/m2"),), (Reading(unit="K", noise=0.05),))
    rng = np.random.default_rng(12)
    start, length, top = rng.uniform(1, 7, 300), rng.uniform(9, 12, 300), rng.uniform(20, 120, 300)
    phase = (np.arange(20) + 0.5 - start[:, None]) / length[:, None]
    truth = 1e3 * top[:, None] * np.where((phase > 0) & (phase < 1), np.sin(np.pi * np.clip(phase, 0, 1)), 0.0)
    print("\nheat flux, order 2    RMSE kW/m2   90 % covers   mean width   score   ms each")
    rules = ("evidence", "discrepancy", "l_curve", "cross_validation", "none")
    engines: dict[str, tuple[Any, int]] = {rule: (Tikhonov(order=2, rule=rule), 300) for rule in rules}
    for rule, (engine, draws) in {**engines, "least_squares": (LeastSquares(), 20)}.items():
        made = drawn(model, engine, truth[:draws], np.random.default_rng(13))
        error = np.sqrt(np.mean((made.value - made.truth) ** 2)) / 1e3
        width = np.mean(made.high - made.low) / 1e3
        score = np.mean(interval_score(made.low, made.high, made.truth, 0.9)) / 1e3
        print(
            f"{rule:<20}  {error:>10.2f}  {100 * made.hits.mean():>10.1f} %  {width:>11.2f}  {score:>6.1f}  "
            f"{1e3 * made.seconds:>7.2f}"
        )


if __name__ == "__main__":
    theory()
    rules()
