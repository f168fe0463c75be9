"""What data tell apart: singular values, directions and correlations of known sensitivities come back."""

from __future__ import annotations

import numpy as np
import pytest

from inversion.core import Estimate, Fit, Parameter, ParameterSpace
from inversion.core.identifiability import identifiability

SPACE = ParameterSpace(tuple(Parameter(name, "1", 0.0, 1.0, "any") for name in "abc"))


def estimate(sensitivity: np.ndarray) -> Estimate:
    covariance = np.linalg.inv(np.eye(3) + sensitivity.T @ sensitivity)
    return Estimate(SPACE, np.zeros(3), covariance, np.zeros(3), (True,) * 3, Fit())


def test_singular_values_are_those_of_the_whitened_sensitivity():
    sensitivity = np.random.default_rng(1).normal(size=(5, 3)) * [10.0, 1.0, 0.1]
    told = identifiability([estimate(sensitivity)])
    singular = np.linalg.svd(sensitivity)[1]
    np.testing.assert_allclose(told.singular, singular, rtol=1e-8)
    assert told.seen == np.count_nonzero(singular > 1)
    np.testing.assert_allclose(np.linalg.norm(sensitivity @ told.directions.T, axis=0), singular, rtol=1e-8)


def test_what_only_a_sum_shows_is_correlated_and_its_difference_is_not_seen():
    told = identifiability([estimate(np.array([[5.0, 5.0, 0.0]]))])
    assert told.seen == 1
    np.testing.assert_allclose(told.singular, [np.sqrt(50), 0, 0], atol=1e-6)
    ((first, second, correlation),) = told.alike(0.8)
    assert (first, second) == ("a", "b")
    assert correlation == pytest.approx(-25 / 26)


def test_windows_are_taken_together_by_what_they_tell():
    one, other = np.diag([3.0, 0.0, 0.0]), np.diag([0.0, 3.0, 0.0])
    told = identifiability([estimate(one), estimate(other)])
    np.testing.assert_allclose(told.singular, [np.sqrt(4.5), np.sqrt(4.5), 0.0], atol=1e-6)
    assert told.alike(0.1) == []


def test_nothing_told_is_no_singular_value():
    told = identifiability([estimate(np.zeros((1, 3)))])
    assert told.seen == 0
    np.testing.assert_array_equal(told.singular, np.zeros(3))
