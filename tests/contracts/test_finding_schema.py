"""The JSON contract of a finding, held against its schema."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from inversion.core import (
    QUANTILE_LEVELS,
    Alarm,
    Estimate,
    Finding,
    Fit,
    Parameter,
    ParameterSpace,
    dumps,
    prior_estimate,
    to_json,
)
from inversion.core.trend import Spread, Trend
from sensors import Quality

SCHEMA = json.loads(files("inversion.core").joinpath("finding.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
CONTRACT = {"asset", "start", "start_ns", "duration_s", "source", "engine", "parameters", "fit", "alarms"}
SPACE = ParameterSpace(
    (
        Parameter("outer_impact", "m/s2", 0.0, 50.0, "strength", shown="g"),
        Parameter("outer_spall", "m", 0.0, 6e-3, "width", shown="mm"),
        Parameter("slip", "1", -0.015, 0.015, "of the cage", nuisance=True),
    )
)


def finding(*, track: bool = True, quality: Quality = Quality.GOOD, position: int | None = 3) -> Finding:
    estimate = Estimate(
        SPACE, np.zeros(3), np.eye(3) * 0.1, np.array([0.1, 2.9e-3, 0.0]), (True, False, True), Fit(quality, 1.1, "")
    )
    alarm = Alarm(
        "outer spall above limit", "outer_spall", "above", 3.0, "mm", 0.97, "active", 1_700_000_000_000_000_000
    )
    return Finding(
        "fan", "a.mat", position, 1_700_000_000_123_456_789, False, 1.37, "least_squares", estimate,
        estimate if track else None, (alarm,),
    )  # fmt: skip


SPREAD = Spread(np.append(np.linspace(0.0, 1e6, QUANTILE_LEVELS.size - 5), [math.inf] * 5))
TRENDS = (
    Trend(
        "outer_impact",
        Spread(np.linspace(-1e-6, 1e-6, QUANTILE_LEVELS.size)),
        (("a", SPREAD), ("b", SPREAD)),
        5,
        86_400.0,
    ),
    Trend("outer_spall", None, (), None),
)
NOTHING = prior_estimate(SPACE, np.full(3, math.nan), Fit(Quality.BAD, reason="no channel"))
PRIOR = Finding(
    "fan", "", None, -1, True, 0.1, "e", NOTHING,
    alarms=(Alarm("a", "outer_impact", "below", 1.0, "g", math.nan, "normal", 0),),
)  # fmt: skip


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_requires_the_contract():
    assert set(SCHEMA["required"]) == CONTRACT


@pytest.mark.parametrize(
    "made",
    [
        finding(),
        finding(track=False),
        finding(quality=Quality.BAD),
        finding(position=None),
        PRIOR,
        replace(finding(), trends=TRENDS),
    ],
)
def test_what_is_written_follows_the_schema(made):
    line = dumps(to_json(made))
    assert "\n" not in line
    record = json.loads(line)
    VALIDATOR.validate(record)
    assert set(record) | {"monotonic_ns", "revision"} == set(SCHEMA["properties"])
    assert dumps(record) == line


def test_nuisances_are_never_shown():
    assert set(to_json(finding())["parameters"]) == {"outer_impact", "outer_spall"}


def test_not_resolvable_reaches_down_to_the_lower_bound():
    width = to_json(finding())["parameters"]["outer_spall"]
    assert (width["resolvable"], width["low"], width["floor"], width["unit"]) == (False, 0.0, 2.9, "mm")


def broken(path: list, value) -> dict:
    record = copy.deepcopy(to_json(replace(finding(), trends=TRENDS)))
    *parents, last = path
    inner = record
    for part in parents:
        inner = inner[part]
    if value is KeyError:
        del inner[last]
    else:
        inner[last] = value
    return record


@pytest.mark.parametrize(
    ("path", "value"),
    [(["asset"], ""), (["start"], "yesterday"), (["start_ns"], 1.5), (["duration_s"], 0), (["extra"], 1)]
    + [([key], KeyError) for key in sorted(CONTRACT)]
    + [(["parameters", "outer_spall", key], KeyError) for key in ("mean", "low", "high", "level", "unit", "floor")]
    + [(["parameters", "outer_spall", "level"], 90), (["parameters", "outer_spall", "resolvable"], "no")]
    + [(["fit", "quality"], "fine"), (["fit", "reason"], None), (["alarms", 0, "state"], "latched")]
    + [(["track", "outer_impact", key], "x") for key in ("growth", "time_to_limit", "step_ns", "extra")]
    + [(["track", "outer_impact", "time_to_limit", 0, "low"], -1), (["parameters", "outer_impact", "growth"], None)]
    + [(["track", "outer_impact", "growth", "unit"], "g"), (["track", "outer_impact", "growth", "mean"], KeyError)]
    + [(["alarms", 0, "probability"], 1.2), (["track", "outer_spall", "mean"], None)],
)
def test_what_breaks_the_contract_is_refused(path, value):
    assert not VALIDATOR.is_valid(broken(path, value))
