"""What one window says to one rule."""

from __future__ import annotations

from collections.abc import Sequence

from inversion.alerts.ahead import passed_within
from inversion.alerts.baseline import tightened
from inversion.alerts.quality_rule import QualityRule
from inversion.alerts.rule import AlertRule
from inversion.alerts.state import AlertState
from inversion.core import Estimate
from inversion.core.trend import Trend
from sensors import Quality


def judge(
    rule: AlertRule | QualityRule, state: AlertState, estimate: Estimate, trends: Sequence[Trend]
) -> tuple[bool | None, float]:
    """Whether the condition is met (None: nothing is said), and with what probability."""
    if isinstance(rule, QualityRule):
        bad = estimate.fit.quality is Quality.BAD
        met = bad or (rule.worst == "uncertain" and estimate.fit.quality is Quality.UNCERTAIN)
        return met, float(met)
    if rule.condition == "growth":
        return _of_growth(rule, estimate, trends)
    return _of_value(rule, state, estimate, trends)


def limit_in_force(rule: AlertRule, state: AlertState) -> float:
    """SI limit: the learned one where there is one and it is tighter."""
    if rule.baseline is None or (state.learned is not None and not state.learned.about(rule.learns)):
        return rule.limit
    return tightened(rule.baseline, state.learned, rule.limit, rule.side)


def _of_value(
    rule: AlertRule, state: AlertState, estimate: Estimate, trends: Sequence[Trend]
) -> tuple[bool | None, float]:
    """What is passed now is passed within any days, so that an alarm on time is never later than that on the limit."""
    ahead = passed_within(rule, trends) or 0.0 if rule.within_days > 0 else 0.0
    limit = limit_in_force(rule, state)
    toward_safety = -1.0 if rule.side == "above" else 1.0
    standing = limit + (toward_safety * rule.deadband if state.alarming else 0.0)
    probability = max(_beyond(rule, estimate, limit), ahead)
    if estimate.fit.quality is Quality.BAD:
        return None, probability
    if estimate.resolvable(rule.parameter):
        return max(_beyond(rule, estimate, standing), ahead) >= rule.confidence, probability
    low, high = estimate.interval(rule.parameter, rule.confidence)
    safe = high < standing if rule.side == "above" else low > standing
    return (False if safe else None), probability


def _beyond(rule: AlertRule, estimate: Estimate, limit: float) -> float:
    above = estimate.probability_above(rule.parameter, limit)
    return above if rule.side == "above" else 1.0 - above


def _of_growth(rule: AlertRule, estimate: Estimate, trends: Sequence[Trend]) -> tuple[bool | None, float]:
    """Nothing is said where the track or the window is not resolvable; such a window may still say that all is well."""
    trend = next((trend for trend in trends if trend.parameter == rule.parameter), None)
    if trend is None or trend.growth is None or estimate.fit.quality is Quality.BAD:
        return None, float("nan")
    below = trend.growth.probability_within(rule.limit)
    probability = 1.0 - below if rule.side == "above" else below
    met = probability >= rule.confidence
    return (None if met and not estimate.resolvable(rule.parameter) else met), probability
