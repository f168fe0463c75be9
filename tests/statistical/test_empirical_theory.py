"""On data drawn from an empirical model itself: errors near the Cramér-Rao bound, coverage, uniform ranks."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.empirical_theory import WIDEST, Drawn, deviation, draw, made_up
from inversion.forward.empirical import Empirical

pytestmark = pytest.mark.statistical

DRAWS = 4_000


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Empirical:
    return made_up(tmp_path_factory.mktemp("theory"))


@pytest.fixture(scope="module")
def drawn(model) -> Drawn:
    return draw(model, DRAWS)


def test_the_noise_was_learnt_as_it_depends_on_the_parameter(model):
    low, high = deviation(model, np.array([[5e-4], [9.5e-3]]))
    assert np.all(high > 1.7 * low)


def test_errors_are_within_15_percent_of_the_bound(drawn):
    assert drawn.bound.max() < 0.2 * WIDEST
    assert max(drawn.excess()) < 1.15


def test_intervals_cover_88_to_92_percent_in_every_bin(drawn):
    assert all(0.88 <= share <= 0.92 for share in drawn.covered()), drawn.covered()


def test_ranks_of_the_truth_are_uniform(drawn):
    """Simulation-based calibration (Talts et al., arXiv:1804.06788); chi-square below its 99.9 % quantile."""
    counts = drawn.ranks()
    assert np.sum((counts - DRAWS / 20) ** 2 / (DRAWS / 20)) < 43.8
