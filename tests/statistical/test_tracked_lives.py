"""Simulated lives under several laws of growth: do the track's intervals hold what they say?

The tracker knows four of the five laws; "decelerating" it does not.
"""

from __future__ import annotations

import numpy as np
import pytest

from inversion.physics.wear import LAWS, wear
from inversion.tracking import Tracker
from inversion.tracking.rehearsal import Life, Look, rehearse

pytestmark = pytest.mark.statistical

QUARTERS = (0.25, 0.5, 0.75)
LIVES = 64  # a law
LIMIT = 3e-3


def live(law: str, rng: np.random.Generator, **settings) -> Life:
    first = rng.uniform(0.7e-3, 1.5e-3)
    days = float(np.exp(rng.uniform(np.log(10), np.log(200))))
    return Life(wear(law, first, LIMIT, 2000, rng), days, deviation=rng.uniform(0.08, 0.25), **settings)


@pytest.fixture(scope="module")
def looks() -> list[tuple[str, float, Look]]:
    """Law, share of the error that windows share, and the look, of fresh lives."""
    rng = np.random.default_rng(71_2026)
    found = []
    for law in LAWS:
        for k in range(LIVES):
            shared = (0.0, 0.3, 0.7, 1.0)[k % 4]
            life = live(law, rng, shared=shared, windows=int(rng.integers(60, 140)))
            found += [(law, shared, look) for look in rehearse(Tracker(), life, rng, QUARTERS)]
    return found


@pytest.mark.parametrize("share", QUARTERS)
def test_intervals_of_the_width_cover(looks, share):
    assert 0.85 <= np.mean([look.covered for _, _, look in looks if look.share == share]) <= 0.95


@pytest.mark.parametrize("share", QUARTERS)
def test_intervals_of_the_time_to_limit_cover(looks, share):
    told = [look.foretold for _, _, look in looks if look.share == share and np.isfinite(look.soonest)]
    assert len(told) > 0.8 * len(LAWS) * LIVES
    assert 0.85 <= np.mean(told) <= 0.95


@pytest.mark.parametrize("share", QUARTERS)
def test_intervals_of_the_growth_cover(looks, share):
    """Where growth is smooth: between two stops there is no rate to be held."""
    own = [look for law, _, look in looks if law != "stop and go" and look.share == share]
    assert 0.85 <= np.mean([look.followed for look in own if np.isfinite(look.slowest)]) <= 0.97


@pytest.mark.parametrize("law", LAWS)
def test_no_law_of_growth_breaks_the_coverage(looks, law):
    own = [look for name, _, look in looks if name == law]
    assert np.mean([look.covered for look in own]) >= 0.85
    assert np.mean([look.foretold for look in own if np.isfinite(look.soonest)]) >= 0.75


@pytest.mark.parametrize("shared", [0.0, 0.3, 0.7, 1.0])
def test_shared_errors_do_not_break_the_coverage(looks, shared):
    assert np.mean([look.covered for _, share, look in looks if share == shared]) >= 0.82


def test_steady_lives_show_hardly_any_step(looks):
    assert np.mean([look.stepped for _, _, look in looks if look.share == 0.75]) <= 0.03


@pytest.mark.parametrize(("shared", "least", "most"), [(0.0, 0.0, 0.6), (1.0, 0.9, 1.1)])
def test_thirty_windows_are_narrower_than_one_where_their_errors_are_independent_only(shared, least, most):
    rng = np.random.default_rng(5)
    found = []
    for law in LAWS * 8:
        life = live(law, rng, shared=shared, windows=120, wrong=0.0, missed=0.0)
        found += list(rehearse(Tracker(), life, rng, (0.25,)))
    assert least <= np.median([look.narrowing for look in found]) <= most
    assert np.mean([look.covered for look in found]) >= 0.8
