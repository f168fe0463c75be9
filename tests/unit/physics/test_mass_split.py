"""Corrections on the positions that a plane offers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inversion.physics.mass_split import split

HOLES = np.radians(np.arange(0, 360, 30))


@given(st.floats(0, 100), st.floats(0, 2 * np.pi))
def test_two_neighbors_make_up_any_vector(size, angle):
    found = split(size * np.exp(1j * angle), HOLES)
    assert found.missed <= 1e-6 * max(size, 1e-6)
    used = np.flatnonzero(found.masses)
    assert used.size <= 2
    if used.size == 2:
        assert np.diff(used)[0] in (1, HOLES.size - 1)


def test_a_vector_on_a_hole_goes_into_that_hole():
    found = split(7 * np.exp(1j * HOLES[4]), HOLES)
    assert np.flatnonzero(found.masses > 1e-6).tolist() == [4]
    assert found.masses[4] == pytest.approx(7)


def test_what_one_position_cannot_hold_is_spread():
    found = split(25.0, HOLES, heaviest=10.0)
    assert found.missed < 1e-9
    assert found.masses.max() <= 10 + 1e-9
    assert np.count_nonzero(found.masses) >= 3


def test_what_all_positions_cannot_hold_is_said():
    found = split(100.0, HOLES, heaviest=1.0)
    assert found.masses.max() <= 1 + 1e-9
    assert found.missed == pytest.approx(100 - abs(found.total))
    assert abs(found.total) > 3


def test_positions_on_one_side_give_the_nearest_sum():
    found = split(-5.0, np.radians([0.0, 60.0]))
    assert found.total.real <= 1e-9
    assert found.missed == pytest.approx(5.0, rel=1e-6)


@given(st.floats(20, 100), st.floats(0, 2 * np.pi))
def test_weights_in_steps_are_whole_and_near(size, angle):
    found = split(size * np.exp(1j * angle), HOLES, step=2.5)
    np.testing.assert_allclose(found.masses / 2.5, np.round(found.masses / 2.5), atol=1e-9)
    assert found.missed < 2.5
    assert found.masses.sum() < 1.15 * size + 5


def test_wrong_settings_are_refused():
    for positions, heaviest, step in ((HOLES[:0], 1.0, 0.0), (HOLES, 0.0, 0.0), (HOLES, 1.0, -1.0)):
        with pytest.raises(ValueError, match="needs positions"):
            split(1.0, positions, heaviest, step)
