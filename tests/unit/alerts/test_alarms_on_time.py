"""Alarms on the time to a limit: what raises them, and that they never come after the alarm on the limit itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inversion.alerts import AlertRule, AlertState, advance, passed_within
from inversion.core import QUANTILE_LEVELS, Estimate, Fit, Parameter, ParameterSpace
from inversion.core.trend import Limit, Spread, Trend
from inversion.tracking import Tracker, to_estimate, trends
from inversion.tracking import advance as follow
from sensors import Quality

SPACE = ParameterSpace((Parameter("spall", "m", 0.0, 6e-3, "width", shown="mm"),))
NOW = AlertRule("wide", "spall", limit=3e-3, confidence=0.9)
SOON = replace(NOW, name="soon", within_days=10)
DAY_S, DAY_NS = 86_400, 86_400 * 10**9


def estimate(value: float, *, resolved: bool = True, quality: Quality = Quality.GOOD) -> Estimate:
    mean = SPACE.to_latent(np.array([value]))
    return Estimate(SPACE, mean, np.array([[0.01]]), np.zeros(1), (resolved,), Fit(quality))


def foretold(first_days: float, last_days: float, alarm: str = "soon") -> tuple[Trend, ...]:
    """The limit will be passed some time between these days, each as probable."""
    days = first_days + (last_days - first_days) * QUANTILE_LEVELS
    return (Trend("spall", None, ((alarm, Spread(days * DAY_S)),), None),)


def judged(rule: AlertRule, told: Estimate, ahead: tuple[Trend, ...], was: AlertState | None = None) -> AlertState:
    return advance(rule, was or AlertState(), told, 0, ahead)


@pytest.mark.parametrize(("first", "last", "probability"), [(0, 20, 0.5), (5, 25, 0.25), (11, 20, 0.0), (1, 9, 1.0)])
def test_the_probability_is_that_of_the_time_foretold(first, last, probability):
    assert passed_within(SOON, foretold(first, last)) == pytest.approx(probability, abs=1e-3)


def test_it_alarms_when_the_limit_will_soon_be_passed_and_not_before():
    assert judged(SOON, estimate(1e-3), foretold(2, 10.5)).phase == "active"
    assert judged(SOON, estimate(1e-3), foretold(2, 12)).phase == "normal"
    assert judged(NOW, estimate(1e-3), foretold(2, 10.5, "wide")).phase == "normal"


def test_a_limit_that_is_never_passed_raises_nothing():
    never = (Trend("spall", None, (("soon", Spread(np.full(QUANTILE_LEVELS.size, np.inf))),), None),)
    assert passed_within(SOON, never) == 0.0
    assert judged(SOON, estimate(1e-3), never).phase == "normal"


def test_what_is_passed_is_passed_though_nothing_is_foretold():
    assert passed_within(SOON, ()) is None
    assert judged(SOON, estimate(5e-3), ()).phase == "active"
    assert judged(SOON, estimate(5e-3), foretold(0, 30)).probability == NOW_PROBABILITY


NOW_PROBABILITY = estimate(5e-3).probability_above("spall", 3e-3)


@pytest.mark.parametrize("told", [estimate(1e-3, resolved=False), estimate(1e-3, quality=Quality.BAD)])
def test_what_is_not_resolved_or_bad_raises_nothing(told):
    assert judged(SOON, told, foretold(0, 1)).phase == "normal"


def test_a_bound_on_the_safe_side_clears_it_after_a_repair_and_any_other_does_not():
    raised = judged(SOON, estimate(1e-3), foretold(2, 9))
    assert judged(SOON, estimate(0.3e-3, resolved=False), (), raised).phase == "normal"
    assert judged(SOON, estimate(5e-3, resolved=False), (), raised).phase == "active"


def test_the_alarm_of_another_rule_tells_it_nothing():
    assert passed_within(SOON, foretold(1, 2, "other")) is None


@given(
    st.floats(0.1e-3, 5.9e-3), st.floats(0, 50), st.floats(0, 50), st.floats(0, 100), st.floats(0, 100),
)  # fmt: skip
def test_more_days_are_never_less_probable_and_the_limit_itself_comes_last(value, first, length, days, more):
    told, ahead = estimate(value), foretold(first, first + length)
    near, far = (replace(SOON, within_days=each) for each in sorted((days, days + more)))
    chances = [judged(rule, told, ahead).probability for rule in (NOW, near, far)]
    assert chances == sorted(chances)


def test_along_a_life_it_alarms_before_the_limit_and_after_the_time_it_asks_for():
    """A spall that grows by 0.05 mm a day, measured well: 3 mm are passed on day 40."""
    tracker, track, states, raised = Tracker(shared=0.0), None, {}, {}
    for day in range(45):
        window = estimate(1e-3 + 0.05e-3 * day)
        track = follow(tracker, track, replace(window, covariance=np.array([[0.03**2]])), day * DAY_NS)
        limits = [Limit(rule.name, "spall", 3e-3, "above") for rule in (NOW, SOON)]
        ahead = trends(tracker, track, SPACE, limits)
        for rule in (NOW, SOON):
            was = states.get(rule.name, AlertState())
            states[rule.name] = advance(rule, was, to_estimate(track, window), day * DAY_NS, ahead)
            if states[rule.name].phase == "active":
                raised.setdefault(rule.name, day)
    assert 29 <= raised["soon"] <= 34
    assert 40 <= raised["wide"] <= 42
    assert [state.phase for state in states.values()] == ["active", "active"]


@pytest.mark.parametrize("days", [-1.0, float("nan"), float("inf")])
def test_days_that_cannot_be_are_refused(days):
    with pytest.raises(ValueError, match="'soon': within_days must be zero or more"):
        replace(SOON, within_days=days)
