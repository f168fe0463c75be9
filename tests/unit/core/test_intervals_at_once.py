"""Law: what a finding tells of all parameters at once is what the estimate tells of each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inversion.core import QUANTILE_LEVELS, Estimate, Fit, Parameter, ParameterSpace
from inversion.core.intervals import middles_and_intervals

SPACE = ParameterSpace(tuple(Parameter(name, "m", -1e-3, 8e-3, "any", shown="mm") for name in "abc"))
LEVELS = st.one_of(st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999]), st.floats(0.01, 0.9999))


@given(LEVELS, st.integers(0, 2**32 - 1), st.lists(st.booleans(), min_size=3, max_size=3), st.booleans())
def test_at_once_is_one_by_one_to_the_bit(level: float, seed: int, resolved: list[bool], tabulated: bool) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.exponential(1e-4, (3, QUANTILE_LEVELS.size)) * (rng.random((3, 1)) < 0.8)
    estimate = Estimate(
        SPACE,
        rng.normal(size=3),
        np.diag(rng.exponential(size=3)),
        np.zeros(3),
        tuple(resolved),
        Fit(),
        np.minimum(steps.cumsum(axis=1) - 1e-3, 8e-3) if tabulated else None,
    )
    assert middles_and_intervals(estimate, level) == [estimate.middle_and_interval(name, level) for name in "abc"]


@given(st.integers(0, 2**32 - 1), st.one_of(st.sampled_from([0.0, 1.0, *QUANTILE_LEVELS]), st.floats(0, 1)), st.data())
def test_what_is_tabulated_is_interpolated_as_numpy_does_to_the_bit(seed, probability, data) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.exponential(1e-4, (1, QUANTILE_LEVELS.size)) * (rng.random((1, QUANTILE_LEVELS.size)) < 0.8)
    row = np.minimum(steps.cumsum(axis=1) - 0.9e-3, 7e-3)
    estimate = Estimate(
        ParameterSpace(SPACE.parameters[:1]), np.zeros(1), np.eye(1), np.zeros(1), (True,), Fit(), marginals=row
    )
    assert estimate.quantile("a", probability) == np.interp(probability, QUANTILE_LEVELS, row[0])
    assert estimate.quantiles("a", [probability]) == [np.interp(probability, QUANTILE_LEVELS, row[0])]
    limit = data.draw(st.one_of(st.sampled_from(row[0].tolist()), st.floats(-1e-3, 7.9e-3)))
    assert estimate.probability_above("a", limit) == 1 - np.interp(limit, row[0], QUANTILE_LEVELS, left=0, right=1)
