"""A finding: one estimate of one asset at one time with its alarms, and its JSON contract.

The JSON shape is a contract; its schema is `finding.schema.json` beside this file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from inversion.core.estimate import Estimate
from inversion.core.intervals import Told, middles_and_intervals
from inversion.core.parameter import Parameter
from inversion.core.trend import Spread, Trend

_DAY_S = 86_400.0
#: A parameter, its middle and interval, its floor, and whether it is resolvable.
_Saying = tuple[Parameter, Told, float, bool]


@dataclass(frozen=True)
class Alarm:
    """Where one alert rule stands after a finding.

    parameter: None for an alarm on quality; limit, the one in force: in `unit`, the unit people see
    probability: of the condition, as judged on the track; where within_days is more than 0, that it is met within them
    state: "normal", "pending" (on-delay runs), "active", "clearing" (off-delay runs)
    since_ns: UTC, when this state began
    condition: "value", "growth" or "quality"
    severity: "warning" or "alarm"; suppressed: not watched in this state of the machine
    """

    name: str
    parameter: str | None
    side: str | None
    limit: float
    unit: str
    probability: float
    state: str
    since_ns: int
    condition: str = "value"
    severity: str = "alarm"
    within_days: float = 0.0
    suppressed: bool = False


@dataclass(frozen=True)
class Finding:
    """What was inferred from one frame. `estimate` is of the window, `track` and `trends` of the asset along time.

    machine_state: None where the site names none; monotonic_ns: see `Frame`
    """

    asset: str
    source: str
    position: int | None
    start_ns: int
    clock_trusted: bool
    duration_s: float
    engine: str
    estimate: Estimate
    track: Estimate | None = None
    alarms: tuple[Alarm, ...] = ()
    trends: tuple[Trend, ...] = ()
    machine_state: str | None = None
    monotonic_ns: int | None = None


def to_json(finding: Finding, level: float = 0.9) -> dict[str, Any]:
    """The finding by its JSON contract, values in the units people see, six significant digits."""
    fit, sayings = finding.estimate.fit, _sayings(finding.estimate, level)
    rows = _rows(sayings, level)
    return {
        "asset": finding.asset,
        "start": _iso(finding.start_ns),
        "start_ns": finding.start_ns,
        "clock_trusted": finding.clock_trusted,
        **({} if finding.monotonic_ns is None else {"monotonic_ns": finding.monotonic_ns}),
        "duration_s": _short(finding.duration_s),
        "source": finding.source,
        "position": finding.position,
        "engine": finding.engine,
        "machine_state": finding.machine_state,
        "parameters": rows,
        "track": None if finding.track is None else _track_to_json(finding, finding.track, level, rows, sayings),
        "fit": {
            "quality": fit.quality.name.lower(),
            "reduced_chi2": _short(fit.reduced_chi2),
            "reason": fit.reason,
        },
        "network": None if fit.answered is None else dict(vars(fit.answered)),
        "alarms": [_alarm_to_json(alarm) for alarm in finding.alarms],
    }


def _alarm_to_json(alarm: Alarm) -> dict[str, Any]:
    return {
        "name": alarm.name,
        "parameter": alarm.parameter,
        "side": alarm.side,
        "limit": _short(alarm.limit),
        "unit": alarm.unit,
        "probability": _short(alarm.probability),
        "state": alarm.state,
        "since_ns": alarm.since_ns,
        "condition": alarm.condition,
        "severity": alarm.severity,
        "within_days": _short(alarm.within_days),
        "suppressed": alarm.suppressed,
    }


def parameters_to_json(estimate: Estimate, level: float) -> dict[str, dict[str, Any]]:
    """`{name: {mean, low, high, level, unit, floor, resolvable}}` of the parameters that are no nuisance."""
    return _rows(_sayings(estimate, level), level)


def _sayings(estimate: Estimate, level: float) -> list[_Saying]:
    columns = (estimate.space, middles_and_intervals(estimate, level), estimate.floor.tolist(), estimate.resolved)
    return [saying for saying in zip(*columns, strict=True) if not saying[0].nuisance]


def _rows(sayings: Sequence[_Saying], level: float) -> dict[str, dict[str, Any]]:
    return {
        parameter.name: {
            "mean": _short(parameter.to_shown(mean)),
            "low": _short(parameter.to_shown(low)),
            "high": _short(parameter.to_shown(high)),
            "level": level,
            "unit": parameter.shown,
            "floor": _short(parameter.to_shown(floor)),
            "resolvable": resolved,
        }
        for parameter, (mean, low, high), floor, resolved in sayings
    }


def _track_to_json(
    finding: Finding, track: Estimate, level: float, window: dict[str, dict[str, Any]], said: Sequence[_Saying]
) -> dict[str, dict[str, Any]]:
    """The tracked parameters, and for each that has a trend: growth, time to its limits, the latest step.

    window: what was said of the window, and its rows; a parameter that is not followed says the same again
    """
    rows = {name: row.copy() for name, row in window.items()}
    if not _alike(track, finding.estimate):
        sayings = zip(_sayings(track, level), said, strict=True)
        rows |= _rows([saying for saying, before in sayings if saying != before], level)
    for trend in finding.trends:
        parameter = track.space[trend.parameter]
        growth = None
        if trend.growth is not None:
            rate = parameter.to_shown(_DAY_S) - parameter.to_shown(0.0)
            growth = _spread_to_json(trend.growth, rate, level, f"{parameter.shown}/d")
            growth["ahead_d"] = _short(trend.ahead_s / _DAY_S)
        rows[trend.parameter] |= {
            "growth": growth,
            "time_to_limit": [
                {"alarm": alarm, **_spread_to_json(spread, 1 / _DAY_S, level, "d")} for alarm, spread in trend.times
            ],
            "step_ns": trend.step_ns,
        }
    return rows


def _alike(track: Estimate, window: Estimate) -> bool:
    """Whether nothing is followed: then the track holds the very quantiles of the window."""
    same = track.marginals is not None and track.marginals is window.marginals and track.floor is window.floor
    return same and track.resolved == window.resolved


def _spread_to_json(spread: Spread, factor: float, level: float, unit: str) -> dict[str, Any]:
    """`{mean, low, high, level, unit}`; null where a time never comes."""
    ends = {"mean": 0.5, "low": (1 - level) / 2, "high": (1 + level) / 2}
    values = {name: _short(factor * spread.quantile(probability)) for name, probability in ends.items()}
    return {**values, "level": level, "unit": unit}


def dumps(record: dict[str, Any]) -> str:
    """One line of JSON, the same bytes for the same record everywhere."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _iso(start_ns: int) -> str:
    seconds, nanoseconds = divmod(start_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{nanoseconds:09d}Z"
