"""The linear model against theory: the Cramer-Rao bound, coverage in every bin, and uniform ranks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from inversion.core import QUANTILE_LEVELS, Features
from inversion.engines.least_squares import LeastSquares
from inversion.engines.tikhonov import Tikhonov
from inversion.forward.linear import Linear, Reading, Unknown
from sensors import Quality

pytestmark = pytest.mark.statistical

RANGE = 10.0
PLACES = np.arange(9) / 2
MATRIX = np.exp(-((PLACES[:, None] - np.arange(4)) ** 2) / 1.5)  # nine detectors whose responses overlap
EDGES = np.linspace(0, RANGE, 6)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("theory") / "matrix.npz"
    np.savez(path, matrix=MATRIX, rows=[f"detector {i}" for i in range(9)], columns=[f"line {i}" for i in range(4)])

    def made(noise: float) -> Linear:
        return Linear(path, (Unknown(0, RANGE),), (Reading(noise=noise),))

    return made


@dataclass(frozen=True)
class Trial:
    """truth, value: (n, 4); low, high: (n, 4) of the 90 % interval; rank: (n, 4) posterior probability below truth."""

    truth: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rank: np.ndarray
    bound: np.ndarray

    @property
    def hits(self) -> np.ndarray:
        return (self.low <= self.truth) & (self.truth <= self.high)


def trial(model: Linear, engine, draws: int, seed: int) -> Trial:
    """Draws from the prior, seen through the matrix in noise, inverted."""
    rng = np.random.default_rng(seed)
    space, noise = model.space, model.reading[0].noise
    truth = rng.uniform(space.low, space.high, (draws, len(space)))
    features: Features = model.features_of(truth @ MATRIX.T + rng.normal(0, noise, (draws, len(MATRIX))))
    assert set(features.quality) == {Quality.GOOD}
    estimates = engine.bind(model).invert(features)
    quantiles = np.array([each.marginals for each in estimates])
    resolved = np.array([each.resolved for each in estimates])
    at = {level: int(np.argmin(np.abs(QUANTILE_LEVELS - level))) for level in (0.05, 0.5, 0.9, 0.95)}
    low = np.where(resolved, quantiles[..., at[0.05]], space.low)
    high = np.where(resolved, quantiles[..., at[0.95]], quantiles[..., at[0.9]])
    for k in range(40):  # the same, through the door that users take
        offered = [estimates[k].interval(name, 0.9) for name in space.names]
        np.testing.assert_allclose(offered, np.stack([low[k], high[k]], axis=1))
    rank = [
        [np.interp(value, row, QUANTILE_LEVELS, 0.0, 1.0) for value, row in zip(*pair, strict=True)]
        for pair in zip(truth, quantiles, strict=True)
    ]
    bound = noise * np.sqrt(np.diag(np.linalg.inv(MATRIX.T @ MATRIX)))
    return Trial(truth, quantiles[..., at[0.5]], low, high, np.array(rank), bound)


@pytest.mark.parametrize(("noise", "seed"), [(0.1, 1), (0.8, 2)])
def test_tikhonov_is_as_good_as_theory_allows(model, noise, seed):
    """21,000 draws, so at least 4,000 in every fifth of the estimate; where the bound is small, of the truth too."""
    made = trial(model(noise), Tikhonov(), 21_000, seed)
    assert np.all(made.bound < RANGE / 5)
    assert np.all(np.sqrt(np.mean((made.value - made.truth) ** 2, axis=0)) < 1.15 * made.bound)
    sorted_by = [np.argsort(np.argsort(made.value, axis=0), axis=0) * RANGE / len(made.value)]
    if made.bound.max() < RANGE / 40:
        sorted_by.append(made.truth)
    for by in sorted_by:
        for low, high in pairwise(EDGES):
            for j in range(4):
                inside = (by[:, j] >= low) & (by[:, j] < high)
                assert inside.sum() >= 4_000
                assert 0.88 < made.hits[inside, j].mean() < 0.92, (low, j)
    for j in range(4):
        counts = np.histogram(made.rank[:, j], 20, (0, 1))[0]
        statistic = np.sum((counts - counts.mean()) ** 2 / counts.mean())
        assert statistic < chi2.ppf(0.999, 19), (j, statistic)


def test_least_squares_agrees_on_fewer_draws(model):
    """80 draws of four parameters: coverage within three binomial deviations (5 %), error as above."""
    made = trial(model(0.3), LeastSquares(), 80, 3)
    assert np.all(np.sqrt(np.mean((made.value - made.truth) ** 2, axis=0)) < 1.15 * made.bound)
    assert 0.85 < made.hits.mean() < 0.95
    closed = trial(model(0.3), Tikhonov(), 80, 3)
    assert np.median(np.abs(made.value - closed.value) / made.bound) < 0.1
    assert np.median(np.abs(np.log((made.high - made.low) / (closed.high - closed.low)))) < 0.1


def test_a_smooth_flux_is_covered_where_only_the_penalty_makes_it_resolvable():
    """300 half sines of random height and place through the shipped heat-flux matrix: intervals are not too narrow."""
    path = Path(__file__).parents[2] / "configs" / "linear" / "heat_flux_matrix.csv"
    model = Linear(path, (Unknown(0, 150, unit="kW/m2"),), (Reading(unit="K", noise=0.05),))
    rng = np.random.default_rng(4)
    seconds = np.arange(20) + 0.5
    start, length, top = rng.uniform(1, 7, 300), rng.uniform(9, 12, 300), rng.uniform(20, 120, 300)
    phase = (seconds - start[:, None]) / length[:, None]
    truth = top[:, None] * np.where((phase > 0) & (phase < 1), np.sin(np.pi * np.clip(phase, 0, 1)), 0.0) * 1e3
    exact = model.simulate(truth, np.zeros(0))
    features = model.features_of(exact + rng.normal(0, 0.05, exact.shape))
    shares, widths = [], []
    for engine in (Tikhonov(order=2), Tikhonov()):
        estimates = engine.bind(model).invert(features)
        intervals = np.array([[each.interval(name, 0.9) for name in model.space.names] for each in estimates])
        hits = (intervals[..., 0] <= truth + 1e-6) & (truth <= intervals[..., 1])
        shares.append(hits.mean())
        widths.append(np.median(intervals[..., 1] - intervals[..., 0]))
    assert min(shares) > 0.88, shares
    assert widths[0] < widths[1] / 2
