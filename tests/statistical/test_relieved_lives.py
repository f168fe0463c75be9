"""A path of relief that is the same in all windows of a machine: its track stays as wide as that asks for."""

import numpy as np
import pytest

from benchmarks.relieved_lives import BEARING, NAME, held, life, tracked
from inversion.physics.bearing import longest_relief
from inversion.tracking import Tracker

pytestmark = pytest.mark.statistical

LIVES, WINDOWS = 12, 14


@pytest.fixture(scope="module")
def tracks():
    """By life: every window, and the track after it."""
    rng = np.random.default_rng(2043)
    return [list(tracked(list(life("constant", WINDOWS, rng)), Tracker())) for _ in range(LIVES)]


def test_a_track_holds_the_width_though_all_its_windows_err_alike(tracks):
    """In most of the lives; each is one draw of the path, so a dozen cannot tell 85 from 95 % (see the benchmark)."""
    last = [one[-1] for one in tracks]
    hits = [held(estimate, seen.width, 0.9) for seen, estimate in last if estimate.resolvable(NAME)]
    assert len(hits) >= 8
    assert np.mean(hits) >= 0.7


def test_windows_do_not_average_the_path_of_relief_out(tracks):
    told = [estimate for one in tracks for _, estimate in one[7:] if estimate.resolvable(NAME)]
    spans = [high - low for low, high in (estimate.interval(NAME, 0.9) for estimate in told)]
    assert np.median(spans) > 0.75 * 2 * longest_relief(BEARING)
