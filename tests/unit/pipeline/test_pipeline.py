"""The pipeline: one finding a frame, the same in any batching, and bad data are answers."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from level_machine import LevelEngine, LevelModel, frame

from inversion.alerts import AlertRule
from inversion.core import ConfigurationError, dumps, to_json
from inversion.pipeline import AssetState, Pipeline, advance
from inversion.tracking import Tracker
from sensors import Frame, Quality, Waveform

HIGH = AlertRule("level high", "level", limit=30.0, on_delay_s=2, off_delay_s=2)
LOW = AlertRule("level low", "level", limit=5.0, side="below")
FAST = Tracker(growth_per_sqrt_day=300.0)


def pipeline(*rules: AlertRule, tracker: Tracker = FAST) -> Pipeline:
    return Pipeline(LevelModel(), LevelEngine().bind(LevelModel()), "level_engine", rules, tracker)


def lines(findings) -> list[str]:
    return [dumps(to_json(finding)) for finding in findings]


def test_one_finding_a_frame_in_order():
    frames = [frame(10.0, k, asset=asset, position=k) for k in range(3) for asset in ("fan", "pump")]
    states, findings = advance(pipeline(HIGH), {}, frames)
    assert [(f.asset, f.position, f.start_ns) for f in findings] == [(f.asset, f.position, f.start_ns) for f in frames]
    assert set(states) == {"fan", "pump"}
    assert all(f.engine == "level_engine" and f.source == "made up" and f.duration_s == 1.0 for f in findings)


def test_alarm_rises_and_clears_per_asset():
    frames = [frame(60.0 if k < 8 else 10.0, k, asset="fan") for k in range(20)]
    frames += [frame(10.0, k, asset="pump") for k in range(20)]
    _, findings = advance(pipeline(HIGH), {}, frames)
    phases = [f.alarms[0].state for f in findings]
    assert phases[:3] == ["pending", "pending", "active"]
    assert "clearing" in phases[8:20]
    assert phases[19] == "normal"
    assert set(phases[20:]) == {"normal"}


def test_an_alarm_shows_its_limit_in_the_unit_people_see():
    _, [finding] = advance(pipeline(HIGH), {}, [frame(60.0, 0)])
    assert (finding.alarms[0].limit, finding.alarms[0].unit) == (pytest.approx(30 / 9.80665), "g")
    assert finding.alarms[0].since_ns == 0


def test_a_missing_channel_is_a_finding_that_says_so():
    whole = frame(60.0, 0)
    crippled = Frame("fan", 1_000_000_000, False, {"vibration": whole.channels["vibration"]})
    states, findings = advance(pipeline(HIGH), {}, [whole, crippled, frame(60.0, 2)])
    record = to_json(findings[1])
    assert record["fit"] == {
        "quality": "bad",
        "reduced_chi2": None,
        "reason": "channel shaft_hz is missing, there are: vibration",
    }
    assert record["parameters"]["level"]["resolvable"] is False
    assert record["parameters"]["level"]["floor"] is None
    assert [f.alarms[0].state for f in findings] == ["pending", "pending", "active"]
    assert states["fan"].track is not None


def test_only_crippled_frames_never_reach_the_model():
    crippled = Frame("fan", 0, False, {"other": Waveform(np.zeros(1), 1.0, "1")})
    _, [finding] = advance(pipeline(), {}, [crippled])
    assert finding.estimate.fit.quality is Quality.BAD


def test_a_finding_foretells_the_time_to_the_limit_of_every_alarm_on_its_parameter():
    far = AlertRule("level very high", "level", limit=60.0)
    rising = [frame(10.0 + k, k) for k in range(12)]
    _, findings = advance(pipeline(HIGH, far), {}, rising)
    track = to_json(findings[-1])["track"]["level"]
    near, farther = track["time_to_limit"]
    assert (near["alarm"], farther["alarm"]) == ("level high", "level very high")
    assert near["low"] <= 9 / 86_400 <= near["high"]
    assert near["mean"] < farther["mean"]
    assert track["growth"]["low"] < 86_400 / 9.80665 < track["growth"]["high"]
    assert track["growth"]["unit"] == "g/d"
    assert track["growth"]["ahead_d"] == pytest.approx(11 / 3 / 86_400, rel=1e-5)
    assert track["step_ns"] is None


def test_no_frames_no_findings():
    assert advance(pipeline(HIGH), {"fan": AssetState()}, []) == ({"fan": AssetState()}, [])


def test_a_window_that_is_not_resolvable_never_raises_an_alarm():
    sure = [frame(60.0, k) for k in range(2)]
    states, _ = advance(pipeline(HIGH), {}, sure)
    _, findings = advance(pipeline(HIGH), states, [frame(0.1, 5, quality=Quality.BAD), frame(60.0, 6)])
    assert [f.alarms[0].state for f in findings] == ["pending", "active"]


def test_states_passed_in_are_left_alone():
    states = {"fan": AssetState()}
    advance(pipeline(HIGH), states, [frame(60.0, 0)])
    assert states == {"fan": AssetState()}


frames_strategy = st.lists(
    st.builds(
        frame,
        st.sampled_from([0.2, 3.0, 10.0, 40.0, 80.0]),
        st.floats(0, 100),
        asset=st.sampled_from(["fan", "pump"]),
        quality=st.sampled_from(list(Quality)),
    ),
    max_size=12,
)


@settings(max_examples=50, deadline=None)
@given(frames_strategy, st.lists(st.integers(0, 12), max_size=4))
def test_any_batching_gives_the_same_findings_to_the_byte(frames, cuts):
    """Also with the state sent through JSON between the batches, as the journal does."""
    line = pipeline(HIGH, LOW)
    _, whole = advance(line, {}, frames)
    states, pieces = {}, []
    edges = sorted({0, len(frames), *(min(cut, len(frames)) for cut in cuts)})
    for start, stop in pairwise(edges):
        states, found = advance(line, states, frames[start:stop])
        states = {name: AssetState.from_dict(json.loads(json.dumps(s.to_dict()))) for name, s in states.items()}
        pieces += found
    assert lines(pieces) == lines(whole)


@pytest.mark.parametrize(
    ("rules", "tracker", "says"),
    [
        ([replace(HIGH, parameter="lvl")], FAST, "alarm 'level high': no parameter 'lvl', there are: level"),
        ([replace(HIGH, parameter="gain", limit=1.0)], FAST, "no parameter 'gain', there are: level"),
        ([replace(HIGH, limit=120.0)], FAST, "limit 12.2366 g lies outside .*expected between 0 and 10.1972 g"),
        ([HIGH, HIGH], FAST, "alarm 'level high': two alarms have this name"),
        ([], Tracker(growth={"lvl": 1.0}), "tracking.growth.lvl: no such parameter, there are: level"),
    ],
)
def test_a_pipeline_that_cannot_work_is_refused_at_start(rules, tracker, says):
    with pytest.raises(ConfigurationError, match=says):
        pipeline(*rules, tracker=tracker)
