"""Do the intervals of the impact hold the truth as often as they say? Any race, bearing, speed; 0 to 20 dB."""

import numpy as np
import pytest

from benchmarks.impact_coverage import judge, share

pytestmark = pytest.mark.statistical

WINDOWS = 400


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(31_415)
    return [judge(rng, 40.0) for _ in range(WINDOWS)]


def test_ninety_percent_intervals_of_what_is_claimed_hold_85_to_95_percent(judged):
    claimed = [one for one in judged if one.claimed]
    assert len(claimed) > 0.75 * WINDOWS
    assert 0.85 <= share(claimed) <= 0.95


@pytest.mark.parametrize("race", ["outer", "inner", "ball"])
def test_no_race_is_left_uncovered(judged, race):
    """Some hundred windows each: 85 % less two binomial deviations."""
    assert share([one for one in judged if one.claimed and one.race == race]) >= 0.78


@pytest.mark.parametrize(("low", "high"), [(0.0, 2.0), (2.0, 5.0), (5.0, 11.0)])
def test_weak_and_strong_strikes_are_both_covered(judged, low, high):
    assert share([one for one in judged if one.claimed and low <= one.truth < high]) >= 0.78


def test_values_are_hardly_biased_and_intervals_narrow(judged):
    claimed = [one for one in judged if one.claimed]
    assert abs(np.median([one.value / one.truth for one in claimed]) - 1) < 0.03
    assert np.median([(one.high - one.low) / one.truth for one in claimed]) < 0.25


def test_the_bound_of_a_fault_that_was_not_found_is_one(judged):
    """A fault as strong as the noise is missed where its order hides; even there the bound holds mostly."""
    missed = [one for one in judged if not one.claimed]
    assert len(missed) > 20
    assert share(missed) >= 0.75
