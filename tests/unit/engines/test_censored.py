"""What a censored value costs is the logarithm of its probability, near the limit and far from it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_ndtr

from inversion.engines.censored import loss_below, stayed_below


def test_it_is_the_log_probability():
    room = np.linspace(-300, 8.9, 400_001)
    before = room.copy()
    loss, _, _ = stayed_below(room)
    np.testing.assert_allclose(loss, -log_ndtr(before), rtol=5e-12)
    np.testing.assert_array_equal(room, before)


def test_beyond_nine_deviations_nothing_is_left():
    loss, steep, bend = stayed_below(np.array([9.0, 12.0, 1e6]))
    assert np.all(loss < 2e-19)
    assert np.all(steep < 2e-18)
    assert np.all(bend < 1e-17)


def test_its_derivatives_are_those_of_mills_ratio():
    room = np.linspace(-30, 8.9, 4001)
    _, steep, bend = stayed_below(room)
    hazard = np.exp(-0.5 * room**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(room))
    np.testing.assert_allclose(steep, hazard, rtol=1e-11)
    np.testing.assert_allclose(bend, hazard * (hazard + room), rtol=1e-8)


@given(st.floats(-30, 6))
def test_its_derivatives_are_those_of_differences(room):
    ends, slopes, _ = stayed_below(np.array([room - 1e-5, room + 1e-5]))
    _, steep, bend = stayed_below(np.array([room]))
    np.testing.assert_allclose(-steep[0], (ends[1] - ends[0]) / 2e-5, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(-bend[0], (slopes[1] - slopes[0]) / 2e-5, rtol=1e-4, atol=1e-7)


@given(st.lists(st.floats(-40, 12), min_size=1, max_size=40), st.integers(0, 39))
def test_a_number_costs_the_same_in_any_company(rooms, at):
    alone = stayed_below(np.array([rooms[at % len(rooms)]]))
    together = stayed_below(np.array(rooms))
    assert all(each[0] == every[at % len(rooms)] for each, every in zip(alone, together, strict=True))


def test_without_derivatives_it_costs_the_same():
    room = np.linspace(-40, 12, 4001)
    np.testing.assert_array_equal(loss_below(room), stayed_below(room)[0])


def test_nothing_is_infinite():
    for each in stayed_below(np.array([[-1e3, -38.0, 0.0], [38.0, 60.0, 1e6]])):
        assert np.all(np.isfinite(each))
        assert each.shape == (2, 3)


def test_what_cannot_be_predicted_stays_unknown():
    assert all(np.isnan(each[0]) and np.isfinite(each[1]) for each in stayed_below(np.array([np.nan, 0.0])))
