"""What the spall widths are worth on a bearing of another physics: masses, springs and contacts integrated in time."""

import numpy as np
import pytest

from benchmarks import other_physics as other
from benchmarks.width_other_physics import SHAFT_HZ, judged
from inversion.physics.bearing import RACES

pytestmark = pytest.mark.statistical

WINDOWS = 16  # a race


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Of all races, as `judged` returns them."""
    return np.concatenate([judged(race, WINDOWS, [2028, k]) for k, race in enumerate(RACES)])


def test_intervals_cover_80_to_97_percent(rows):
    width, low, high, _, resolved = rows.T
    assert resolved.mean() > 0.1
    assert 0.8 <= ((low <= width) & (width <= high)).mean() <= 0.97


def test_no_wrong_lag_is_taken_for_a_width(rows):
    width, _, _, value, resolved = rows.T
    assert np.all(np.abs(value - width)[resolved > 0] < 0.75)


def test_the_events_of_a_passage_lie_where_mechanics_says():
    """The contact force has fallen after the path of relief and peaks half way between the edges."""
    rig = other.Rig(9, 7.94e-3, 39.04e-3, SHAFT_HZ, "outer", 3e-3, crooked=0.0)
    rate = 409_600.0
    force = other._contact_forces(rig, np.array([rig.load]), rate, np.random.default_rng(0))[0]
    speed = np.pi * SHAFT_HZ * (rig.pitch**2 - rig.ball**2) / (2 * rig.pitch)
    strike = int(force.argmax()) / rate * speed
    relieved = int((force < -0.75 * rig.load).argmax()) / rate * speed
    assert strike == pytest.approx(rig.width / 2, abs=0.05e-3)
    assert 0.5 * rig.unloading_path < relieved < 1.2 * rig.unloading_path
