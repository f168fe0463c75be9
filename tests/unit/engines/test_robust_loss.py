"""Student's t as the law of the residuals: an outlier is seen as such, and good data lose little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from inversion.core import Features, Parameter, ParameterSpace
from inversion.engines.least_squares import LeastSquares
from sensors import Quality

SPACE = ParameterSpace((Parameter("x", "1", 0.0, 10.0, "any"),))


@dataclass(frozen=True)
class Seen:
    """x, seen d times; where `rough`, the prediction is uncertain by that share of x."""

    d: int
    rough: float = 0.0

    space = SPACE
    channels = ()

    @property
    def observables(self):
        return tuple(f"u{k}" for k in range(self.d))

    def floor(self, conditions):
        return np.zeros(1)

    def simulate(self, theta, conditions):
        return np.repeat(theta, self.d, axis=-1)

    def spread(self, theta, conditions):
        return self.rough * np.repeat(theta, self.d, axis=-1)


def features(values, std=0.2) -> Features:
    values = np.atleast_2d(np.asarray(values, dtype=float))
    n = len(values)
    return Features(
        values, np.full(values.shape, std), np.full(values.shape, -np.inf), np.zeros((n, 0)),
        (Quality.GOOD,) * n, ("",) * n,
    )  # fmt: skip


def test_one_wrong_value_of_five_draws_the_gaussian_estimate_and_not_the_robust_one():
    seen = features([4.1, 3.9, 4.0, 4.05, 9.0])
    (gaussian,) = LeastSquares().bind(Seen(5)).invert(seen)
    (robust,) = LeastSquares(loss="student").bind(Seen(5)).invert(seen)
    assert abs(gaussian.value("x") - 5.01) < 0.05
    low, high = robust.interval("x")
    assert low < 4.0 < high < 4.6
    assert robust.fit.quality is Quality.UNCERTAIN  # and says that it is there
    assert "does not explain" in robust.fit.reason


def test_the_further_out_the_less_it_pulls():
    pulls = []
    for outlier in (4.5, 5.5, 9.5):
        (estimate,) = LeastSquares(loss="student").bind(Seen(5)).invert(features([4.1, 3.9, 4.0, 4.0, outlier]))
        pulls.append(estimate.value("x") - 4.0)
    assert pulls[0] > pulls[1] > pulls[2] > 0


def test_intervals_cover_with_outliers_and_with_none():
    """500 draws each: within three binomial deviations of 90 % (4 %)."""
    rng = np.random.default_rng(5)
    truth = rng.uniform(1, 9, 500)
    noise = 0.2 * rng.standard_t(4, (500, 4))
    estimates = LeastSquares(loss="student", grid=32).bind(Seen(4)).invert(features(truth[:, None] + noise))
    hits = [low <= x <= high for x, (low, high) in zip(truth, (e.interval("x") for e in estimates), strict=True)]
    assert 0.86 < np.mean(hits) < 0.94


def test_an_uncertain_prediction_widens_the_interval_where_it_is_uncertain():
    """By hand: x is seen once with a deviation of a tenth of itself."""
    widths = []
    for value in (2.0, 6.0):
        (estimate,) = LeastSquares().bind(Seen(1, rough=0.1)).invert(features([value], std=1e-3))
        low, high = estimate.interval("x")
        assert low < value < high
        widths.append(high - low)
    assert widths[1] == pytest.approx(3 * widths[0], rel=0.05)
    assert widths[0] == pytest.approx(2 * 1.645 * 0.2, rel=0.1)


def test_intervals_of_an_uncertain_prediction_cover():
    rng = np.random.default_rng(6)
    truth = rng.uniform(0, 10, 600)
    values = truth[:, None] + np.hypot(0.2, 0.1 * truth)[:, None] * rng.normal(size=(600, 2))
    estimates = LeastSquares(grid=32).bind(Seen(2, rough=0.1)).invert(features(values))
    ends = [(e.quantile("x", 0.05), e.quantile("x", 0.95)) for e in estimates]
    hits = [low <= x <= high for x, (low, high) in zip(truth, ends, strict=True)]
    assert 0.863 < np.mean(hits) < 0.937  # three binomial deviations


@pytest.mark.parametrize("options", [{"loss": "huber"}, {"loss": "student", "freedom": 0.5}])
def test_a_loss_that_is_none_is_refused(options):
    with pytest.raises(ValueError, match=r"loss must be|freedom must be"):
        LeastSquares(**options)


def test_a_place_at_its_lower_end_is_resolved_and_a_damage_there_is_not():
    @dataclass(frozen=True)
    class Place(Seen):
        space = ParameterSpace((Parameter("x", "1", 2.0, 10.0, "where something stands"),))

    (place,) = LeastSquares().bind(Place(2)).invert(features([2.1, 2.0]))
    assert place.resolvable("x")
    (damage,) = LeastSquares().bind(Seen(2)).invert(features([0.1, 0.0]))
    assert not damage.resolvable("x")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"grid": 100_000_000}, "grid must lie between 8 and 1024, got 100000000"),
        ({"grid": 7}, "grid must lie between 8 and 1024, got 7"),
        ({"passes": 0}, "passes must lie between 1 and 12, got 0"),
        ({"iterations": 10**9}, "iterations must lie between 1 and 1000"),
    ],
)
def test_settings_that_never_end_are_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        LeastSquares(**settings)
