"""Quantiles, intervals and probabilities of one estimate say the same, and "not resolvable" starts at the bound."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inversion.core import QUANTILE_LEVELS, Estimate, Fit, Parameter, ParameterSpace, prior_estimate

SPACE = ParameterSpace((Parameter("level", "m/s2", 0.0, 10.0, "any", shown="g"), Parameter("gain", "1", -2.0, 2.0, "")))
LEVELS = (0.01, 0.1, 0.5, 0.8, 0.9, 0.99)


def latent_estimate(mean: float, std: float, *, resolved: bool = True) -> Estimate:
    covariance = np.array([[std**2, 0.3 * std], [0.3 * std, 1.0]])
    return Estimate(SPACE, np.array([mean, 0.0]), covariance, np.zeros(2), (resolved, False), Fit())


def tabulated_estimate(mean: float, std: float, *, resolved: bool = True) -> Estimate:
    """The same, with the quantiles of the latent Gaussian in a table."""
    gaussian = latent_estimate(mean, std, resolved=resolved)
    table = np.array([[gaussian.quantile(name, q) for q in QUANTILE_LEVELS] for name in SPACE.names])
    return replace(gaussian, marginals=table)


kinds = st.sampled_from([latent_estimate, tabulated_estimate])
estimates = st.builds(
    lambda kind, mean, std, resolved: kind(mean, std, resolved=resolved),
    kinds,
    st.floats(-3, 3),
    st.floats(0.05, 2),
    st.booleans(),
)
probabilities = st.floats(0.001, 0.999)


@given(estimates, probabilities, probabilities)
def test_quantiles_rise_and_stay_inside_the_bounds(estimate, p, q):
    low, high = (estimate.quantile("level", each) for each in sorted((p, q)))
    assert 0.0 <= low <= high <= 10.0


@given(estimates, st.floats(-5, 15), st.floats(-5, 15))
def test_probability_above_falls_from_one_to_zero(estimate, a, b):
    low, high = sorted((a, b))
    above_low, above_high = (estimate.probability_above("level", limit) for limit in (low, high))
    assert 0 <= above_high <= above_low <= 1


@given(estimates, probabilities)
def test_probability_above_inverts_the_quantile(estimate, p):
    assert estimate.probability_above("level", estimate.quantile("level", p)) == pytest.approx(1 - p, abs=1e-6)


@pytest.mark.parametrize("kind", [latent_estimate, tabulated_estimate])
def test_probability_beyond_the_bounds(kind):
    estimate = kind(2.0, 1.5)
    assert estimate.probability_above("level", -1e-9) == 1.0
    assert estimate.probability_above("level", 10.0) == 0.0
    assert estimate.probability_above("level", 1e9) == 0.0


@given(estimates)
def test_intervals_nest_and_hold_the_value(estimate):
    intervals = [estimate.interval("level", level) for level in LEVELS]
    for (inner_low, inner_high), (outer_low, outer_high) in pairwise(intervals):
        assert outer_low <= inner_low <= inner_high <= outer_high
    low, high = estimate.interval("level", 0.9)
    assert low <= estimate.value("level") <= high


@given(estimates, st.sampled_from(LEVELS))
def test_an_interval_holds_its_probability(estimate, level):
    low, high = estimate.interval("level", level)
    held = estimate.probability_above("level", low) - estimate.probability_above("level", high)
    assert held == pytest.approx(level, abs=2e-3 if low == 0.0 else 1e-6)  # a table ends 0.0005 above the bound


@given(kinds, st.floats(-3, 3), st.floats(0.05, 2), st.sampled_from(LEVELS))
def test_not_resolvable_starts_at_the_lower_bound(kind, mean, std, level):
    low, high = kind(mean, std, resolved=False).interval("level", level)
    assert low == 0.0
    assert high == kind(mean, std).quantile("level", level)


@given(st.floats(-3, 3), st.floats(0.05, 2), st.floats(0.05, 0.95))
def test_a_table_says_what_the_latent_gaussian_says(mean, std, p):
    gaussian, table = latent_estimate(mean, std), tabulated_estimate(mean, std)
    assert table.quantile("level", p) == pytest.approx(gaussian.quantile("level", p), abs=0.1)


def test_the_prior_is_uniform_and_resolves_nothing():
    prior = prior_estimate(SPACE, np.array([1.0, 0.0]), Fit(reason="nothing was observed"))
    for p in np.linspace(0.02, 0.98, 25):
        assert prior.quantile("level", float(p)) == pytest.approx(10 * p, abs=0.1)
        assert prior.probability_above("gain", -2 + 4 * float(p)) == pytest.approx(1 - p, abs=0.01)
    assert not any(prior.resolvable(name) for name in SPACE.names)
    assert prior.fit.reason == "nothing was observed"


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 90, float("nan")])
def test_a_level_is_a_probability(level):
    with pytest.raises(ValueError, match="level must lie between 0 and 1, got"):
        latent_estimate(0.0, 1.0).interval("level", level)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mean": np.zeros(3)},
        {"covariance": np.eye(3)},
        {"floor": np.zeros((2, 1))},
        {"resolved": (True,)},
        {"marginals": np.zeros((2, 3))},
    ],
)
def test_shapes_are_checked(wrong):
    with pytest.raises(ValueError, match=r"needs \(2,\), \(2, 2\), \(2,\) and 2 flags|marginals must be \(2, 47\)"):
        replace(latent_estimate(0.0, 1.0), **wrong)


def test_levels_of_a_table_rise_and_are_symmetric():
    assert np.all(np.diff(QUANTILE_LEVELS) > 0)
    np.testing.assert_allclose(QUANTILE_LEVELS + QUANTILE_LEVELS[::-1], 1.0)


def test_an_estimate_of_marginals_makes_its_gaussian_when_it_is_asked_for():
    asked = []

    def gaussian():
        asked.append(1)
        return np.array([1.0, 0.0]), np.eye(2)

    marginals = SPACE.low[:, None] + (SPACE.high - SPACE.low)[:, None] * QUANTILE_LEVELS
    told = Estimate.of_marginals(SPACE, gaussian, np.zeros(2), (True, False), Fit(), marginals)
    whole = Estimate(SPACE, *gaussian(), np.zeros(2), (True, False), Fit(), marginals)
    name = SPACE.names[0]
    assert told.interval(name) == whole.interval(name)
    assert asked == [1]  # by `whole`
    again = replace(told, fit=Fit(reason="doubted"))
    for each in (told, again):
        assert np.array_equal(each.mean, whole.mean)
        assert np.array_equal(each.covariance, whole.covariance)
    assert asked == [1, 1]
    with pytest.raises(AttributeError, match="an estimate has no 'median'"):
        getattr(told, "median")  # noqa: B009
    with pytest.raises(AttributeError, match="an estimate has no 'median'"):
        getattr(whole, "median")  # noqa: B009


@pytest.mark.parametrize(("floors", "flags", "columns"), [(1, 2, 47), (2, 1, 47), (2, 2, 46)])
def test_an_estimate_of_marginals_of_another_shape_is_refused(floors, flags, columns):
    with pytest.raises(ValueError, match="an estimate of 2 parameters needs"):
        Estimate.of_marginals(SPACE, None, np.zeros(floors), (True,) * flags, Fit(), np.zeros((2, columns)))
