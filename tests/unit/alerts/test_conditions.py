"""What alarms can be raised on beside a fixed limit: growth, time, quality, silence, a learned limit; and when not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from inversion.alerts import (
    AlertRule,
    AlertState,
    Baseline,
    MachineState,
    QualityRule,
    SilenceRule,
    StateRule,
    advance,
    follow,
    limit_in_force,
)
from inversion.core import QUANTILE_LEVELS, Estimate, Fit, Parameter, ParameterSpace
from inversion.core.trend import Spread, Trend
from sensors import Frame, Quality, Waveform

SPACE = ParameterSpace((Parameter("spall", "m", 0.0, 6e-3, "width", shown="mm"),))
RULE = AlertRule("wide", "spall", limit=3e-3, confidence=0.9)
SECOND = 1_000_000_000
DAY = 86_400.0


def estimate(value: float, *, resolved: bool = True, quality: Quality = Quality.GOOD, std: float = 0.02) -> Estimate:
    mean = SPACE.to_latent(np.array([value]))
    return Estimate(SPACE, mean, np.array([[std**2]]), np.zeros(1), (resolved,), Fit(quality))


def trend(growth: float) -> Trend:
    """Growth, mm a day, known to a hundredth."""
    around = 1 + 0.01 * np.sign(growth) * np.linspace(-1, 1, QUANTILE_LEVELS.size)
    return Trend("spall", Spread(growth * 1e-3 / DAY * around), (), None)


def phases(rule, trends, **kinds) -> list[str]:
    state, told = AlertState(), []
    for k, one in enumerate(trends):
        state = advance(rule, state, estimate(1e-3, **kinds), k * SECOND, [one])
        told.append(state.phase)
    return told


def test_growth():
    rule = replace(RULE, condition="growth", limit=0.1e-3 / DAY)
    assert phases(rule, [trend(0.05), trend(0.2), trend(0.05)]) == ["normal", "active", "normal"]
    assert phases(rule, [trend(0.2)], resolved=False) == ["normal"]
    assert phases(rule, [Trend("spall", None, (), None)]) == ["normal"]
    assert phases(replace(rule, side="below", limit=-0.1e-3 / DAY), [trend(-0.2)]) == ["active"]


@pytest.mark.parametrize(("worst", "raised"), [("bad", ["bad"]), ("uncertain", ["uncertain", "bad"])])
def test_quality(worst, raised):
    rule = QualityRule("loose sensor", worst=worst)
    for quality in Quality:
        state = advance(rule, AlertState(), estimate(5e-3, quality=quality), 0)
        assert (state.phase == "active") == (quality.name.lower() in raised)


def test_silence():
    rule = SilenceRule("silent", after_s=10)
    assert not rule.silent(5 * SECOND, 15 * SECOND)
    assert rule.silent(5 * SECOND, 15 * SECOND + 1)


def test_a_deadband_keeps_an_alarm_that_hovers_at_its_limit():
    hovering = [3.3e-3, 2.95e-3, 3.3e-3, 2.4e-3]
    rule = replace(RULE, deadband=0.4e-3)

    def run(rule):
        state, told = AlertState(), []
        for k, value in enumerate(hovering):
            state = advance(rule, state, estimate(value), k * SECOND)
            told.append(state.phase)
        return told

    assert run(RULE) == ["active", "normal", "active", "normal"]
    assert run(rule) == ["active", "active", "active", "normal"]


def learn(rule, values, **kinds) -> AlertState:
    state = AlertState()
    for k, value in enumerate(values):
        state = advance(rule, state, estimate(value, **kinds), k * SECOND)
    return state


def test_a_baseline_tightens_the_limit_after_its_windows_and_never_loosens_it():
    rule = replace(RULE, baseline=Baseline(windows=20, least=0.1e-3, spreads=6))
    values = 1e-3 + 0.02e-3 * np.sin(np.arange(20))
    assert limit_in_force(rule, learn(rule, values[:19])) == RULE.limit
    state = learn(rule, values)
    assert 1.1e-3 < limit_in_force(rule, state) < 1.3e-3
    assert advance(rule, state, estimate(1.5e-3), 30 * SECOND).phase == "active"
    assert advance(RULE, AlertState(), estimate(1.5e-3), 30 * SECOND).phase == "normal"
    assert limit_in_force(rule, learn(rule, np.full(20, 2.98e-3))) == RULE.limit
    assert AlertState.from_dict(json.loads(json.dumps(state.to_dict()))) == state


def test_a_baseline_learns_nothing_from_bad_windows_or_from_an_alarm():
    rule = replace(RULE, baseline=Baseline(windows=20, least=0.1e-3))
    assert learn(rule, [1e-3] * 30, quality=Quality.BAD).learned is None
    assert learn(rule, [5e-3] * 30).learned is None


def test_a_baseline_learns_nothing_while_the_machine_does_not_run():
    rule = replace(RULE, baseline=Baseline(windows=3, least=0.1e-3))

    def taught(rule, machine_state: str) -> AlertState:
        state = AlertState()
        for k in range(3):
            state = advance(rule, state, estimate(0.1e-3), k * SECOND, (), machine_state)
        return state

    assert taught(rule, "stopped").learned is None
    assert taught(rule, "running").learned.count == 3
    assert taught(replace(rule, only_in=("slow",)), "slow").learned.count == 3


def test_a_baseline_of_windows_that_only_bound_the_value_is_the_bound():
    rule = replace(RULE, baseline=Baseline(windows=5, least=0.1e-3))
    state = learn(rule, [0.5e-3] * 5, resolved=False)
    assert limit_in_force(rule, state) > 0.6e-3


STOPPED = StateRule("stopped", "shaft_hz", below=5.0)
RUN_UP = StateRule("run-up", "shaft_hz", changing=0.5, hold_s=3.0)


def at(second: float, hz: float, quality: Quality = Quality.GOOD) -> Frame:
    channel = Waveform(np.array([hz], dtype=np.float32), 1.0, "Hz", quality, "" if quality is Quality.GOOD else "x")
    return Frame("fan", round(second * SECOND), False, {"shaft_hz": channel})


def test_the_state_of_the_machine():
    frames = [at(0, 0), at(1, 3), at(2, 10), at(3, 25), at(4, 25), at(5, 25), at(6.5, 25), at(8, 2)]
    state, names = MachineState(), []
    for one in frames:
        state = follow((STOPPED, RUN_UP), state, one)
        assert MachineState.from_dict(json.loads(json.dumps(state.to_dict()))) == state
        names.append(state.name)
    assert names == ["stopped", "stopped", "run-up", "run-up", "run-up", "run-up", "running", "stopped"]


def test_a_machine_whose_speed_cannot_be_read_stays_in_its_state():
    state = follow((STOPPED,), MachineState(), at(0, 0))
    assert follow((STOPPED,), state, at(1, 25, Quality.BAD)) == state
    assert follow((STOPPED,), state, Frame("fan", 0, False, {"x": at(0, 1).channels["shaft_hz"]})) == state


def test_a_state_that_nobody_could_read_for_an_hour_suppresses_nothing():
    """The machine may have been started since; its alarms must not stay put aside for a broken tachometer."""
    state = follow((STOPPED,), MachineState(), at(0, 0))
    state = follow((STOPPED,), state, at(3600, 25, Quality.BAD))
    assert state.name == "stopped"
    state = follow((STOPPED,), state, at(3601, 25, Quality.BAD))
    assert state.name == "unknown"
    assert follow((STOPPED,), state, at(3602, 25, Quality.BAD)) == state
    rule = replace(RULE, suppressed_in=("stopped",))
    assert advance(rule, AlertState(), estimate(5e-3), 0, (), state.name).phase == "active"
    assert follow((STOPPED,), state, at(3603, 0)).name == "stopped"
    assert follow((STOPPED,), state, at(3603, 25)).name == "running"


def test_a_baseline_is_of_its_parameter_and_side():
    """An alarm that keeps its name and gets another parameter begins to learn."""
    learned = learn(replace(RULE, baseline=Baseline(windows=5, least=0.1e-3)), [0.5e-3] * 5)
    rule = replace(RULE, baseline=Baseline(windows=5, least=0.1e-3), side="below", limit=0.1e-3)
    assert limit_in_force(rule, learned) == rule.limit
    after = advance(rule, learned, estimate(2e-3), 9 * SECOND)
    assert (after.learned.count, after.learned.of) == (1, f"{rule.parameter} below")
    older = replace(learned, learned=replace(learned.learned, of=""))
    assert limit_in_force(replace(rule, side="above", limit=RULE.limit), older) < RULE.limit


def test_an_alarm_is_not_judged_while_it_is_suppressed_and_its_delay_does_not_run():
    rule = replace(RULE, suppressed_in=("stopped",), on_delay_s=10)
    wide = estimate(5e-3)
    state = advance(rule, AlertState(), wide, 0, (), "running")
    state = advance(rule, state, wide, 5 * SECOND, (), "stopped")
    assert (state.phase, state.suppressed) == ("normal", True)
    state = advance(rule, state, wide, 60 * SECOND, (), "running")
    assert (state.phase, state.suppressed) == ("pending", False)
    assert advance(replace(RULE, only_in=("slow",)), AlertState(), wide, 0, (), "running").suppressed


def test_what_stands_when_the_machine_stops_still_stands_when_it_runs_again():
    rule = replace(RULE, suppressed_in=("stopped",))
    state = advance(rule, AlertState(), estimate(5e-3), 0)
    state = advance(rule, state, estimate(1e-3), SECOND, (), "stopped")
    assert (state.phase, state.suppressed) == ("active", True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"condition": "mood"}, "condition must be one of value, growth; got 'mood'"),
        ({"condition": "growth", "within_days": 5.0}, "within_days and baseline go with condition 'value'"),
        ({"deadband": -1.0}, "deadband must be zero or more, got -1.0"),
        ({"condition": "growth", "deadband": 1.0}, "deadband, within_days and baseline go with"),
        ({"severity": "trip"}, "severity must be 'warning' or 'alarm', got 'trip'"),
        ({"only_in": ("a",), "suppressed_in": ("b",)}, "give suppressed_in or only_in, not both"),
    ],
)
def test_an_impossible_condition_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        replace(RULE, **change)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Baseline(windows=1, least=1.0), "windows must be at least 2, got 1"),
        (lambda: Baseline(windows=9, least=0.0), "least must be positive, got 0.0"),
        (lambda: QualityRule("q", worst="good"), "worst must be 'uncertain' or 'bad', got 'good'"),
        (lambda: SilenceRule("s", after_s=0.0), "after_s must be positive, got 0.0 s"),
        (lambda: StateRule("running", "x", below=1.0), "name must differ from 'running'"),
        (lambda: StateRule("idle", "x"), "give below, at_least or changing, found none"),
    ],
)
def test_an_impossible_rule_beside_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
