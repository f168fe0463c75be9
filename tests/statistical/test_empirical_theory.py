"""On data drawn from an empirical model itself: errors near the Cramér-Rao bound, intervals that cover, uniform ranks."""

from __future__ import annotations

import numpy as np
import pytest

from inversion.core import QUANTILE_LEVELS, Features
from inversion.engines.least_squares import LeastSquares
from inversion.forward.empirical import Empirical
from inversion.signal.features import Feature
from inversion.store.empirical import save
from inversion.training.fitting import fit
from inversion.training.labelled import Labelled
from inversion.training.recipe import Calibration, Target
from sensors import Quality

pytestmark = pytest.mark.statistical

DRAWS, BINS = 4_000, 5
FEATURES = (Feature("a", "v", "level"), Feature("b", "v", "rms"), Feature("c", "v", "crest"))
MIXING = np.linalg.cholesky(np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 1.0]]))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Empirical:
    """Three curved features with correlated noise that triples over the range, as found in 400 windows of 200 runs."""
    rng = np.random.default_rng(1)
    theta = rng.uniform(0, 1e-2, (400, 1))
    u = 100 * theta[:, 0]
    values = np.stack([2 * u + 0.3 * np.sin(4 * u), u**2 - 1, 0.5 * u], axis=1)
    values += 0.03 * (1 + 2 * u)[:, None] * (rng.normal(size=(400, 3)) @ MIXING.T)
    group = np.array([f"run {k % 200}" for k in range(400)])
    labelled = Labelled(values, np.zeros((400, 0)), theta, group, {"v": "m/s2"}, {"v": 1000.0}, 1.0)
    path = tmp_path_factory.mktemp("theory") / "model.npz"
    save(fit(labelled, Calibration(FEATURES, (Target("x", "mm", 0, 10),))), path)
    return Empirical(path)


@pytest.fixture(scope="module")
def drawn(model) -> tuple[np.ndarray, list]:
    """(n,) truth drawn from the prior, and estimates of features drawn from the model."""
    rng = np.random.default_rng(2)
    theta = rng.uniform(model.space.low, model.space.high, (DRAWS, 1))
    conditions = np.full((DRAWS, 1), 7.0)  # every feature was seen
    values = model.simulate(theta, conditions)
    values += deviation(model, theta) * rng.normal(size=values.shape)
    features = Features(
        values,
        np.broadcast_to(model.least, values.shape).copy(),
        np.full(values.shape, -np.inf),
        conditions,
        (Quality.GOOD,) * DRAWS,
        ("",) * DRAWS,
    )
    return theta[:, 0], LeastSquares(grid=48).bind(model).invert(features)


def deviation(model: Empirical, theta: np.ndarray) -> np.ndarray:
    return np.hypot(model.least, model.spread(theta, np.full((len(theta), 1), 7.0)))


def bins(theta: np.ndarray) -> np.ndarray:
    return np.minimum((theta / 1e-2 * BINS).astype(int), BINS - 1)


def test_the_noise_was_learnt_as_it_depends_on_the_parameter(model):
    low, high = deviation(model, np.array([[5e-4], [9.5e-3]]))
    assert np.all(high > 1.7 * low)


def test_errors_are_within_15_percent_of_the_bound(model, drawn):
    """Information of a normal law whose mean and deviation both depend on theta (Kay 1993, equation 3.31)."""
    truth, estimates = drawn
    step, theta = 1e-7, truth[:, None]
    conditions = np.full((DRAWS, 1), 7.0)
    slope = (model.simulate(theta + step, conditions) - model.simulate(theta - step, conditions)) / (2 * step)
    growth = (np.log(deviation(model, theta + step)) - np.log(deviation(model, theta - step))) / (2 * step)
    bound = 1 / np.sqrt(np.sum((slope / deviation(model, theta)) ** 2 + 2 * growth**2, axis=1))
    error = np.array([estimate.value("x") for estimate in estimates]) - truth
    for k in range(BINS):
        inside = bins(truth) == k
        expected = np.sqrt(np.mean(bound[inside] ** 2))
        assert expected < 0.2 * 1e-2
        assert np.sqrt(np.mean(error[inside] ** 2)) < 1.15 * expected


def test_intervals_cover_88_to_92_percent_in_every_bin(drawn):
    truth, estimates = drawn
    ends = np.array([[estimate.quantile("x", 0.05), estimate.quantile("x", 0.95)] for estimate in estimates])
    hit = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    shares = [hit[bins(truth) == k].mean() for k in range(BINS)]
    assert all(0.88 <= share <= 0.92 for share in shares), shares


def test_ranks_of_the_truth_are_uniform(drawn):
    """Simulation-based calibration (Talts et al., arXiv:1804.06788): chi-square of 20 bins below its 99.9 % quantile."""
    truth, estimates = drawn
    rank = [np.interp(x, estimate.marginals[0], QUANTILE_LEVELS) for x, estimate in zip(truth, estimates, strict=True)]
    counts, _ = np.histogram(rank, 20, (0, 1))
    assert np.sum((counts - DRAWS / 20) ** 2 / (DRAWS / 20)) < 43.8
