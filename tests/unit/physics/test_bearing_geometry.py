"""Laws of bearing kinematics, and geometries that cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inversion.physics.bearing import (
    RACES,
    BearingGeometry,
    bpfi,
    bpfo,
    bsf,
    contact_speed,
    entry_to_exit_time,
    fault_orders,
    ftf,
    width_floor,
)

nan, inf = float("nan"), float("inf")


@st.composite
def geometries(draw) -> BearingGeometry:
    elements = draw(st.integers(3, 60))
    share = draw(st.floats(0.05, 0.99)) * min(1.0, np.pi / elements)
    assume(share < 0.95)
    return BearingGeometry(elements, 40 * share, 40.0, draw(st.floats(0, 80)))


@given(geometries())
def test_both_races_share_the_elements(geometry):
    assert bpfo(geometry) + bpfi(geometry) == pytest.approx(geometry.elements)


@given(geometries())
def test_the_cage_carries_the_elements_over_the_outer_race(geometry):
    assert bpfo(geometry) == pytest.approx(geometry.elements * ftf(geometry))


@given(geometries())
def test_spin_comes_from_rolling_on_the_outer_race(geometry):
    raceway = geometry.pitch_diameter_mm * (1 + geometry.ratio)
    assert bsf(geometry) == pytest.approx(raceway * ftf(geometry) / geometry.element_diameter_mm)


@given(geometries())
def test_fault_orders_are_named_by_race_and_inner_is_above_outer(geometry):
    orders = fault_orders(geometry)
    assert tuple(orders) == RACES
    assert orders["inner"] > orders["outer"] > 0
    assert orders["ball"] == pytest.approx(2 * bsf(geometry))


@given(geometries(), st.floats(0.1, 500), st.floats(1e3, 1e6))
def test_width_floor_is_ten_samples_of_lag(geometry, shaft_hz, sample_rate):
    lag = entry_to_exit_time(width_floor(geometry, shaft_hz, sample_rate), contact_speed(geometry, shaft_hz))
    assert lag * sample_rate == pytest.approx(10)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ((2, 7.94, 39.04), "got 2"),
        ((0, 7.94, 39.04), "got 0"),
        ((500, 0.1, 39.04), "got 500"),
        ((9, 0.0, 39.04), "got 0.0 and 39.04"),
        ((9, -1.0, 39.04), "got -1.0"),
        ((9, 39.04, 7.94), "got 39.04 and 7.94"),
        ((9, nan, 39.04), "got nan"),
        ((9, 7.94, nan), "nan"),
        ((9, 7.94, inf), "inf"),
        ((9, 16.0, 39.04), "do not fit"),
        ((9, 7.94, 39.04, 90.0), "got 90.0"),
        ((9, 7.94, 39.04, -5.0), "got -5.0"),
        ((9, 7.94, 39.04, nan), "got nan"),
    ],
)
def test_a_bearing_that_cannot_be_is_refused_in_one_line(fields, found):
    with pytest.raises(ValueError, match=found) as told:
        BearingGeometry(*fields)
    assert "\n" not in str(told.value)
