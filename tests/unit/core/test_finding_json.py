"""What a finding says in JSON: people's units, six significant digits, nothing that is no number."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inversion.core import QUANTILE_LEVELS, Alarm, Estimate, Finding, Fit, Parameter, ParameterSpace, dumps, to_json
from inversion.core.trend import Spread, Trend
from sensors import Quality

SPACE = ParameterSpace(
    (
        Parameter("impact", "m/s2", 0.0, 98.0665, "any", shown="g"),
        Parameter("width", "m", 0.0, 8e-3, "any", shown="mm"),
        Parameter("slip", "1", -1.0, 1.0, "any", nuisance=True),
    )
)
ESTIMATE = Estimate(
    SPACE, np.zeros(3), 0.01 * np.eye(3), np.array([0.0, 0.73456789e-3, 0.0]), (True, False, True), Fit(reason="so")
)
ALARM = Alarm("wide", "width", "above", 3.0, "mm", 2 / 3, "active", 5)
FINDING = Finding("fan", "a.mat", 3, 1_700_000_000_123_456_789, True, 1 / 3, "least_squares", ESTIMATE, None, (ALARM,))


def test_values_are_shown_in_the_units_people_use():
    parameters = to_json(FINDING)["parameters"]
    impact, width = parameters["impact"], parameters["width"]
    assert (impact["unit"], width["unit"]) == ("g", "mm")
    assert impact["mean"] == pytest.approx(5.0)
    assert impact["low"] < 5.0 < impact["high"] < 10.0
    assert width["mean"] == pytest.approx(4.0)
    assert width["low"] == 0.0
    assert (impact["resolvable"], width["resolvable"]) == (True, False)


def test_six_significant_digits():
    record = to_json(FINDING)
    assert record["duration_s"] == 0.333333
    assert record["alarms"][0]["probability"] == 0.666667
    assert record["parameters"]["width"]["floor"] == 0.734568


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-300, max_value=1e300))
def test_rounding_keeps_six_digits_and_is_stable(duration):
    once = to_json(replace(FINDING, duration_s=duration))["duration_s"]
    assert once == pytest.approx(duration, rel=5.1e-6)
    assert to_json(replace(FINDING, duration_s=once))["duration_s"] == once


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_null(number):
    estimate = replace(ESTIMATE, floor=np.full(3, number), fit=Fit(Quality.BAD, number, "why"))
    record = to_json(replace(FINDING, estimate=estimate, alarms=(replace(ALARM, probability=number),)))
    assert record["parameters"]["width"]["floor"] is None
    assert record["alarms"][0]["probability"] is None
    assert record["fit"] == {"quality": "bad", "reduced_chi2": None, "reason": "why"}
    assert json.loads(dumps(record)) == record


@pytest.mark.parametrize(
    ("start_ns", "start"),
    [
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789Z"),
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_time_keeps_its_nanoseconds(start_ns, start):
    record = to_json(replace(FINDING, start_ns=start_ns))
    assert (record["start"], record["start_ns"]) == (start, start_ns)


def test_the_level_is_that_of_the_intervals():
    narrow, wide = (to_json(FINDING, level)["parameters"]["impact"] for level in (0.5, 0.99))
    assert (narrow["level"], wide["level"]) == (0.5, 0.99)
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]


def test_the_track_is_told_beside_the_window():
    assert to_json(FINDING)["track"] is None
    record = to_json(replace(FINDING, track=replace(ESTIMATE, covariance=1e-6 * np.eye(3))))
    assert set(record["track"]) == {"impact", "width"}
    assert record["track"]["impact"]["high"] < record["parameters"]["impact"]["high"]


def test_a_trend_stands_with_its_parameter_in_days_and_the_units_people_use():
    growth = Spread(np.linspace(0.0, 2e-3, QUANTILE_LEVELS.size) / 86_400)
    time = Spread(np.where(QUANTILE_LEVELS > 0.9, np.inf, QUANTILE_LEVELS * 864_000))
    record = to_json(replace(FINDING, track=ESTIMATE, trends=(Trend("width", growth, (("wide", time),), 7),)))
    width = record["track"]["width"]
    assert (width["growth"]["mean"], width["growth"]["unit"]) == (pytest.approx(1.0), "mm/d")
    assert width["time_to_limit"] == [
        {"alarm": "wide", "mean": 5.0, "low": 0.5, "high": None, "level": 0.9, "unit": "d"}
    ]
    assert width["step_ns"] == 7
    assert "growth" not in record["track"]["impact"]


def test_a_spread_is_read_between_its_quantiles():
    spread = Spread(QUANTILE_LEVELS * 2)
    assert spread.quantile(0.51) == pytest.approx(1.02)
    assert (spread.quantile(0.0), spread.quantile(1.0)) == (pytest.approx(0.001), pytest.approx(1.999))
    with pytest.raises(ValueError, match="values must be"):
        Spread(np.zeros(3))


def test_one_line_the_same_bytes_and_nothing_that_json_does_not_know():
    line = dumps(to_json(replace(FINDING, asset="Lüfter\n7")))
    assert "\n" not in line
    assert "Lüfter" in line
    assert dumps(json.loads(line)) == line
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"x": float("nan")})
