"""Intervals of amplitude and angle cover as often as they say, near zero too."""

import numpy as np
import pytest

from inversion.physics.circular_interval import amplitude_interval, angle_half_width, probability_within

TRUE = (0.0, 0.3, 1.0, 2.0, 3.0, 5.0, 6.9, 7.5, 20.0)


def estimates(true: float, number: int = 20_000) -> np.ndarray:
    rng = np.random.default_rng(int(10 * true))
    return true + rng.normal(size=number) + 1j * rng.normal(size=number)


@pytest.mark.parametrize("true", TRUE)
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_amplitudes_are_covered_as_often_as_stated(true, level):
    low, high = amplitude_interval(np.abs(estimates(true)), np.ones(()), level)
    assert np.mean((low <= true) & (true <= high)) == pytest.approx(level, abs=0.012)


@pytest.mark.parametrize("true", [1e-9, 0.2, 0.5, 0.75, *TRUE[2:]])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_angles_are_covered_as_often_as_stated_at_every_amplitude(true, level):
    found = estimates(true, 40_000)
    inside = np.abs(np.angle(found)) <= angle_half_width(np.abs(found), np.ones(()), level)
    assert np.mean(inside) == pytest.approx(level, abs=0.2 * (1 - level))


def test_near_zero_only_an_upper_bound_is_told_and_no_angle():
    low, high = amplitude_interval(np.array([0.0, 1.0, 2.0]), np.ones(()), 0.9)
    assert low.tolist() == [0, 0, 0]
    assert np.all(np.diff(high) > 0)
    assert angle_half_width(np.array([0.0, 1.0, 1.8]), np.ones(()), 0.9).tolist() == [np.pi] * 3


def test_intervals_grow_steadily_and_scale():
    seen = np.linspace(0, 12, 2000)
    low, high = amplitude_interval(seen, np.ones(()), 0.9)
    assert np.all(np.diff(low) >= -0.02)  # also where the table ends
    assert np.all(np.diff(high) >= -0.02)
    wide = amplitude_interval(3 * seen, np.full(seen.size, 3.0), 0.9)
    np.testing.assert_allclose(wide, (3 * low, 3 * high), atol=1e-9)


def test_without_an_error_the_value_is_the_interval():
    assert [float(end) for end in amplitude_interval(np.array(2.0), np.array(0.0), 0.9)] == [2.0, 2.0]


def test_the_probability_to_stay_within():
    found = estimates(2.0)
    assert probability_within(3.0, 2.0, 1.0) == pytest.approx(np.mean(np.abs(found) <= 3), abs=0.01)
    assert [probability_within(limit, 2.0, 0.0) for limit in (1.9, 2.1)] == [0.0, 1.0]


def test_a_wrong_level_is_refused():
    with pytest.raises(ValueError, match="level must lie"):
        amplitude_interval(np.array(1.0), np.array(1.0), 1.0)
    with pytest.raises(ValueError, match="level must lie"):
        angle_half_width(np.array(1.0), np.array(1.0), 0.0)
