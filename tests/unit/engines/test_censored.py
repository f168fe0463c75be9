"""The residual of a censored value is that of its probability, near the limit and far from it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_ndtr

from inversion.engines.censored import stayed_below


def test_it_is_the_root_of_the_log_probability():
    room = np.linspace(-30, 12, 4001)
    before = room.copy()
    root, _ = stayed_below(room)
    np.testing.assert_allclose(0.5 * root**2, -log_ndtr(before), rtol=1e-12)
    np.testing.assert_array_equal(room, before)


@given(st.floats(-30, 6))
def test_its_slope_is_that_of_differences(room):
    ends, _ = stayed_below(np.array([room - 1e-5, room + 1e-5]))
    _, steep = stayed_below(np.array([room]))
    np.testing.assert_allclose(-steep[0], (ends[1] - ends[0]) / 2e-5, rtol=1e-4, atol=1e-9)


def test_nothing_is_infinite():
    for each in stayed_below(np.array([[-1e3, -38.0, 0.0], [38.0, 60.0, 1e6]])):
        assert np.all(np.isfinite(each))
        assert each.shape == (2, 3)
