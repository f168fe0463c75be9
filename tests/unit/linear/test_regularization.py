"""Tikhonov's parts against what can be computed by hand or by another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import hilbert
from scipy.optimize import nnls
from scipy.stats import truncnorm

from inversion.core import QUANTILE_LEVELS, Features, ModelError, Parameter, ParameterSpace
from inversion.engines import box
from inversion.engines.bounded import bounded_solution
from inversion.engines.regularize import STRENGTHS, decompose, differences
from inversion.engines.tikhonov import Tikhonov
from sensors import Quality

ALL = np.ones(8, dtype=np.bool_)


def solve(matrix, penalty, data, strength):
    """The normal equations, straight."""
    return np.linalg.solve(matrix.T @ matrix + strength * penalty, matrix.T @ data)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_one_decomposition_gives_every_strength(order):
    rng = np.random.default_rng(order)
    matrix, data = rng.normal(0, 1, (12, 8)), rng.normal(0, 1, 12)
    parts = decompose(matrix, differences(8, order, ALL))
    profile = parts.profile(data)
    for k in (0, 40, 80, 100):
        x = solve(matrix, parts.penalty, data, STRENGTHS[k])
        assert profile.misfit[k] == pytest.approx(np.sum((data - matrix @ x) ** 2), rel=1e-6)
        assert profile.roughness[k] == pytest.approx(x @ parts.penalty @ x, rel=1e-5, abs=1e-9)
        by_hand = np.linalg.solve(matrix.T @ matrix + STRENGTHS[k] * parts.penalty, matrix.T @ matrix)
        np.testing.assert_allclose(parts.resolution(STRENGTHS[k]), by_hand, atol=1e-5)
        assert profile.freedom[k] == pytest.approx(np.trace(by_hand), rel=1e-6)


def test_misfit_rises_and_roughness_falls_with_the_strength():
    rng = np.random.default_rng(0)
    profile = decompose(hilbert(8), differences(8, 2, ALL)).profile(rng.normal(0, 1, 8))
    assert np.all(np.diff(profile.misfit) >= -1e-12)
    assert np.all(np.diff(profile.roughness) <= 1e-12)
    assert np.all(np.diff(profile.freedom) <= 1e-12)


def test_penalties_vanish_on_what_is_smooth():
    line = np.arange(8.0)
    assert np.allclose(differences(8, 1, ALL) @ np.ones(8), 0)
    assert np.allclose(differences(8, 2, ALL) @ line, 0)
    assert np.allclose(differences(8, 0, ALL) @ line, line)
    without = differences(8, 1, np.arange(8) != 7)  # the last one is a nuisance
    assert without.shape == (6, 8)
    assert not without[:, 7].any()


def blur(number=40, width=3.0):
    places = np.arange(number)
    kernel = np.exp(-0.5 * ((places[:, None] - places) / width) ** 2)
    return kernel / kernel.sum(axis=1, keepdims=True)


def test_each_rule_finds_a_strength_near_the_best():
    """A blurred bump of amplitude 1 in noise of 0.01: the error stays within twice the least possible one."""
    rng = np.random.default_rng(1)
    truth = np.exp(-0.5 * ((np.arange(40) - 18) / 5) ** 2)
    matrix = blur() / 0.01
    data = matrix @ truth + rng.normal(0, 1, 40)
    parts = decompose(matrix, differences(40, 2, np.ones(40, dtype=np.bool_)))
    profile = parts.profile(data)
    errors = [np.linalg.norm(solve(matrix, parts.penalty, data, a) - truth) for a in STRENGTHS]
    for strength in (profile.evidence(), profile.discrepancy(), profile.cross_validation(), profile.corner()):
        error = np.linalg.norm(solve(matrix, parts.penalty, data, strength) - truth)
        assert error < 2 * min(errors)
    at = solve(matrix, parts.penalty, data, profile.discrepancy())
    assert np.sum((data - matrix @ at) ** 2) == pytest.approx(40, rel=0.02)  # Morozov's own condition


def test_discrepancy_of_data_that_fit_anyway_or_never():
    parts = decompose(blur(), differences(40, 0, np.ones(40, dtype=np.bool_)))
    assert parts.profile(np.zeros(40)).discrepancy() == STRENGTHS[-1]
    never = np.concatenate([blur(), np.zeros((5, 40))])
    data = np.concatenate([np.zeros(40), np.full(5, 100.0)])
    assert decompose(never, differences(40, 0, np.ones(40, dtype=np.bool_))).profile(data).discrepancy() == STRENGTHS[0]


def test_bounds_are_those_of_non_negative_least_squares():
    rng = np.random.default_rng(2)
    for _ in range(20):
        matrix, data = rng.normal(0, 1, (10, 5)), rng.normal(0, 1, 10) / 3
        parts = decompose(matrix, differences(5, 0, np.ones(5, dtype=np.bool_)))
        by_hand = nnls(matrix, data)[0]
        if by_hand.max() < 1:  # the upper bound is not met
            np.testing.assert_allclose(bounded_solution(parts, np.zeros(5), data, 0.0), by_hand, atol=1e-7)


@pytest.mark.parametrize("center", [-50.0, -1.0, 0.0, 0.3, 0.5, 1.0, 1.2, 40.0])
@pytest.mark.parametrize("spread", [1e-4, 0.01, 0.3, 3.0, 300.0])
def test_one_cut_gaussian_is_the_truncated_normal(center, spread):
    if abs(center - np.clip(center, 0, 1)) / spread > 30:
        pytest.skip("SciPy's truncated normal has no digits there")
    made = box.cut(np.array([[[spread**-2]]]), np.array([[center * spread**-2]]))
    quantiles = made.quantiles(QUANTILE_LEVELS)[0, 0]
    by_hand = truncnorm.ppf(QUANTILE_LEVELS, -center / spread, (1 - center) / spread, center, spread)
    np.testing.assert_allclose(quantiles, by_hand, atol=1e-6 + 1e-5 * np.ptp(by_hand))


def test_marginals_of_a_cut_gaussian_are_those_of_samples():
    """Two strongly correlated parameters at a corner of the box, by rejection sampling."""
    rng = np.random.default_rng(3)
    covariance = np.array([[0.09, 0.08], [0.08, 0.12]])
    mean = np.array([-0.1, 0.2])
    drawn = rng.multivariate_normal(mean, covariance, 400_000)
    inside = drawn[np.all((drawn >= 0) & (drawn <= 1), axis=1)]
    precision = np.linalg.inv(covariance)
    quantiles = box.cut(precision[None], (precision @ mean)[None]).quantiles(np.array([0.05, 0.5, 0.95]))[0]
    np.testing.assert_allclose(quantiles, np.quantile(inside, [0.05, 0.5, 0.95], axis=0).T, atol=0.015)


class Chain:
    """Five parameters of one unit, and a nuisance; a row of zeros may be asked for."""

    channels = ()

    def __init__(self, matrix, units=("m",) * 5, low=0.0):
        names = [Parameter(f"x{i}", unit, low, 10.0, "any") for i, unit in enumerate(units)]
        self.space = ParameterSpace(tuple(names))
        self.matrix = np.asarray(matrix, dtype=float)
        self.observables = tuple(f"y{i}" for i in range(len(self.matrix)))

    def affine(self, conditions):
        return self.matrix, np.zeros(len(self.matrix))

    def simulate(self, theta, conditions):
        return theta @ self.matrix.T

    def floor(self, conditions):
        return np.zeros(len(self.space))

    def observe(self, frames):
        raise NotImplementedError


def features(values, std=0.1, limit=-np.inf) -> Features:
    values = np.atleast_2d(values).astype(float)
    n = len(values)
    full = np.full(values.shape, float(std)), np.full(values.shape, limit)
    return Features(values, *full, np.zeros((n, 0)), (Quality.GOOD,) * n, ("",) * n)


def test_a_rank_deficient_matrix_leaves_the_ranges_and_says_so():
    matrix = np.eye(5)
    matrix[1] = matrix[0] = [1, 1, 0, 0, 0]  # only the sum of the first two is seen
    (estimate,) = Tikhonov().bind(Chain(matrix)).invert(features([[8.0, 8.0, 3.0, 4.0, 5.0]]))
    assert not estimate.resolvable("x0")
    assert not estimate.resolvable("x1")
    assert estimate.resolvable("x2")
    low, high = estimate.interval("x0", 0.9)
    assert low == 0.0
    assert high > 6.0
    assert "4 of 5 directions" in estimate.fit.reason
    assert estimate.fit.reduced_chi2 == pytest.approx(0.0, abs=1e-6)


def test_what_the_penalty_alone_tells_is_not_resolved():
    matrix = np.eye(5)[[0, 1, 3, 4]]
    (estimate,) = Tikhonov(order=1, strength=3.0).bind(Chain(matrix)).invert(features([[4.0, 4.0, 4.0, 4.0]]))
    low, high = estimate.interval("x2", 0.9)
    assert low <= 4.0 <= high
    assert not estimate.resolvable("x2")
    assert estimate.resolvable("x1")


def test_a_signed_parameter_is_resolved_at_zero():
    (estimate,) = Tikhonov().bind(Chain(np.eye(5), low=-10.0)).invert(features(np.zeros((1, 5))))
    assert all(estimate.resolved)
    assert estimate.interval("x0", 0.9) == pytest.approx((-0.1645, 0.1645), abs=1e-3)


def test_values_below_their_limit_of_detection_are_left_out():
    (estimate,) = Tikhonov().bind(Chain(np.eye(5))).invert(features([[1.0, 2.0, 3.0, 4.0, 5.0]], limit=1.5))
    assert estimate.interval("x0", 0.9) == pytest.approx((0.0, 9.0), abs=0.01)
    assert estimate.value("x4") == pytest.approx(5.0, abs=0.01)


def test_orders_compare_parameters_of_one_unit_only():
    mixed = Chain(np.eye(5), units=("m", "m", "s", "m", "m"))
    with pytest.raises(ModelError, match="need one unit, found m, s"):
        Tikhonov(order=1).bind(mixed)
    Tikhonov(order=0).bind(mixed)
    with pytest.raises(ModelError, match="needs at least 3 parameters, found 2"):
        Tikhonov(order=2).bind(Chain(np.eye(2), units=("m", "m")))


@pytest.mark.parametrize(
    ("options", "said"),
    [({"order": 3}, "order must be"), ({"rule": "guess"}, "rule must be"), ({"strength": np.nan}, "st")],
)
def test_settings_that_cannot_be(options, said):
    with pytest.raises(ValueError, match=said):
        Tikhonov(**options)
