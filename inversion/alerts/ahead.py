"""How probable it is that a limit will have been passed some days ahead: what an alarm on time is raised on."""

from __future__ import annotations

from collections.abc import Sequence

from inversion.alerts.rule import AlertRule
from inversion.core.trend import Trend

_DAY_S = 86_400.0


def passed_within(rule: AlertRule, trends: Sequence[Trend]) -> float | None:
    """P(the rule's limit is passed within its `within_days`), from the time to the limit that the track foretells.

    None where nothing is foretold: a track that does not resolve the parameter knows no growth. Pure.
    """
    for trend in trends:
        for alarm, spread in trend.times:
            if alarm == rule.name:
                return spread.probability_within(rule.within_days * _DAY_S)
    return None
