"""Parameters, and the map between their bounded and their latent space."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inversion.core import Parameter, ParameterSpace

WIDTH = Parameter("width", "m", 0.0, 8e-3, "of a spall", shown="mm")
TEMPERATURE = Parameter("oil", "K", 273.15, 373.15, "of the sump", shown="°C", nuisance=True)
SHIFT = Parameter("shift", "1", -1.0, 1.0, "of an edge")
SPACE = ParameterSpace((WIDTH, TEMPERATURE, SHIFT))
shares = hnp.arrays(np.float64, (4, 3), elements=st.floats(0, 1))
anything = hnp.arrays(np.float64, (4, 3), elements=st.floats(-1e12, 1e12) | st.sampled_from([-np.inf, np.inf]))
bounds = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).filter(lambda b: b[0] + 1e-3 < b[1])


@given(shares)
def test_theta_survives_the_latent_space(share):
    theta = SPACE.low + share * (SPACE.high - SPACE.low)
    back = SPACE.from_latent(SPACE.to_latent(theta))
    assert np.all(np.abs(back - theta) <= 2e-9 * (SPACE.high - SPACE.low))


@given(hnp.arrays(np.float64, (4, 3), elements=st.floats(-8, 8)))
def test_latent_survives_theta(latent):
    np.testing.assert_allclose(SPACE.to_latent(SPACE.from_latent(latent)), latent, atol=1e-6)


@given(bounds, st.floats(-1e9, 1e9) | st.sampled_from([-np.inf, np.inf]))
def test_theta_never_leaves_its_bounds(limits, latent):
    space = ParameterSpace((Parameter("x", "1", *limits, "any"),))
    theta = space.from_latent(np.array([latent]))
    assert space.low <= theta <= space.high


@given(anything)
def test_what_lies_outside_the_bounds_is_taken_as_at_them(theta):
    inside = np.clip(theta, SPACE.low, SPACE.high)
    np.testing.assert_array_equal(SPACE.to_latent(theta), SPACE.to_latent(inside))
    assert np.all(np.isfinite(SPACE.to_latent(theta)))


def test_the_map_rises():
    latent = np.repeat(np.linspace(-6, 6, 500)[:, None], 3, axis=1)
    assert np.all(np.diff(SPACE.from_latent(latent), axis=0) > 0)


def test_a_standard_normal_latent_value_is_a_uniform_parameter_to_one_percent():
    latent = np.linspace(-5, 5, 1001)
    share = SPACE.from_latent(np.repeat(latent[:, None], 3, axis=1))[:, 2] / 2 + 0.5
    normal = np.array([NormalDist().cdf(z) for z in latent])
    assert np.abs(share - normal).max() < 0.01


def test_shown_units_there_and_back():
    assert WIDTH.to_shown(2.5e-3) == pytest.approx(2.5)
    assert TEMPERATURE.to_shown(293.15) == pytest.approx(20.0)
    for parameter in SPACE:
        assert parameter.from_shown(parameter.to_shown(parameter.high)) == pytest.approx(parameter.high)
    assert SHIFT.shown == "1"


def test_parameters_are_found_by_name():
    assert SPACE.names == ("width", "oil", "shift")
    assert len(SPACE) == 3
    assert SPACE["oil"] is TEMPERATURE
    with pytest.raises(KeyError, match="no parameter 'height', there are: width, oil, shift"):
        SPACE.index("height")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (("x", "1", 1.0, 1.0), "x: low must be below high, got 1.0 and 1.0 1"),
        (("x", "m", 2.0, 1.0), "got 2.0 and 1.0 m"),
        (("x", "m", 0.0, float("inf")), "got 0.0 and inf m"),
        (("x", "m", float("nan"), 1.0), "got nan"),
        (("x", "mm", 0.0, 1.0), "x: unit must be SI, got 'mm'"),
        (("x", "furlong", 0.0, 1.0), "unknown unit 'furlong'"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(fields, found):
    with pytest.raises(ValueError, match=found):
        Parameter(*fields, "any")


def test_a_shown_unit_must_measure_the_same():
    with pytest.raises(ValueError, match="x: shown unit 'mm' does not measure 'm/s2'"):
        Parameter("x", "m/s2", 0.0, 1.0, "any", shown="mm")


def test_names_differ():
    with pytest.raises(ValueError, match="must differ"):
        ParameterSpace((WIDTH, WIDTH))
