"""How an empirical model does on data drawn from itself: errors against the Cramér-Rao bound, coverage, ranks.

python -m benchmarks.empirical_theory 4000
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inversion.core import QUANTILE_LEVELS, Estimate, Features
from inversion.engines.least_squares import LeastSquares
from inversion.forward.empirical import Empirical
from inversion.signal.features import Feature
from inversion.store.empirical import save
from inversion.training.fitting import fit
from inversion.training.labelled import Labelled
from inversion.training.recipe import Calibration, Target
from sensors import Quality

BINS = 5
WIDEST = 1e-2  # m, of the parameter
FEATURES = (Feature("a", "v", "level"), Feature("b", "v", "rms"), Feature("c", "v", "crest"))
MIXING = np.linalg.cholesky(np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 1.0]]))


def made_up(folder: Path) -> Empirical:
    """Three curved features with correlated noise that triples over the range, as found in 400 windows of 200 runs."""
    rng = np.random.default_rng(1)
    theta = rng.uniform(0, WIDEST, (400, 1))
    u = theta[:, 0] / WIDEST
    values = np.stack([2 * u + 0.3 * np.sin(4 * u), u**2 - 1, 0.5 * u], axis=1)
    values += 0.03 * (1 + 2 * u)[:, None] * (rng.normal(size=(400, 3)) @ MIXING.T)
    group = np.array([f"run {k % 200}" for k in range(400)])
    labelled = Labelled(values, np.zeros((400, 0)), theta, group, {"v": "m/s2"}, {"v": 1000.0}, 1.0)
    save(fit(labelled, Calibration(FEATURES, (Target("x", "mm", 0, 10),))), folder / "model.npz")
    return Empirical(folder / "model.npz")


def deviation(model: Empirical, theta: np.ndarray) -> np.ndarray:
    """(n, d) of features about their prediction at (n, 1) theta, every one of them seen."""
    return np.hypot(model.least, model.spread(theta, _all_seen(theta)))


@dataclass(frozen=True)
class Drawn:
    """(n,) truth from the prior, estimates of features drawn from the model, and the Cramér-Rao bound at each truth."""

    truth: np.ndarray
    estimates: list[Estimate]
    bound: np.ndarray

    @property
    def bins(self) -> np.ndarray:
        """(n,) which fifth of the range the truth lies in."""
        return np.minimum((self.truth / WIDEST * BINS).astype(int), BINS - 1)

    def excess(self) -> list[float]:
        """RMSE over the bound, a bin."""
        error = np.array([estimate.value("x") for estimate in self.estimates]) - self.truth
        mean = [(np.mean(error[self.bins == k] ** 2), np.mean(self.bound[self.bins == k] ** 2)) for k in range(BINS)]
        return [float(np.sqrt(squared / least)) for squared, least in mean]

    def covered(self) -> list[float]:
        """Share of truths inside the central 90 %, a bin."""
        ends = np.array([[e.quantile("x", 0.05), e.quantile("x", 0.95)] for e in self.estimates])
        hit = (ends[:, 0] <= self.truth) & (self.truth <= ends[:, 1])
        return [float(hit[self.bins == k].mean()) for k in range(BINS)]

    def ranks(self, count: int = 20) -> np.ndarray:
        """(count,) how many truths fall into each equal share of their posterior."""
        rank = [np.interp(x, e.marginals[0], QUANTILE_LEVELS) for x, e in zip(self.truth, self.estimates, strict=True)]
        return np.histogram(rank, count, (0, 1))[0]


def draw(model: Empirical, draws: int, seed: int = 2) -> Drawn:
    """Truth from the prior, features from the model, and what the engine makes of them."""
    rng = np.random.default_rng(seed)
    theta = rng.uniform(model.space.low, model.space.high, (draws, 1))
    values = model.simulate(theta, _all_seen(theta))
    values += deviation(model, theta) * rng.normal(size=values.shape)
    features = Features(
        values,
        np.broadcast_to(model.least, values.shape).copy(),
        np.full(values.shape, -np.inf),
        _all_seen(theta),
        (Quality.GOOD,) * draws,
        ("",) * draws,
    )
    return Drawn(theta[:, 0], LeastSquares(grid=48).bind(model).invert(features), bound(model, theta))


def bound(model: Empirical, theta: np.ndarray) -> np.ndarray:
    """(n,) the Cramér-Rao bound where mean and deviation both depend on theta (Kay 1993, equation 3.31)."""
    step = 1e-5 * WIDEST
    above, below = theta + step, theta - step
    slope = (model.simulate(above, _all_seen(above)) - model.simulate(below, _all_seen(below))) / (2 * step)
    growth = np.log(deviation(model, above) / deviation(model, below)) / (2 * step)
    return 1 / np.sqrt(np.sum((slope / deviation(model, theta)) ** 2 + 2 * growth**2, axis=1))


def _all_seen(theta: np.ndarray) -> np.ndarray:
    return np.full((len(theta), 1), 2.0 ** len(FEATURES) - 1)


def main(draws: int) -> None:
    """Prints all of it."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(made_up(Path(folder)), draws)
    counts = drawn.ranks()
    print(f"{draws} draws, by fifths of the range")
    print("bound, of the range:", *(f"{drawn.bound[drawn.bins == k].mean() / WIDEST:.3f}" for k in range(BINS)))
    print("RMSE over the bound:", *(f"{value:.3f}" for value in drawn.excess()))
    print("90 % intervals hold the truth:", *(f"{value:.3f}" for value in drawn.covered()))
    print(f"ranks, chi-square of 20 bins: {np.sum((counts - draws / 20) ** 2 / (draws / 20)):.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
