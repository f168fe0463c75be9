"""Alert rules: every transition, and the laws that hold for any history of estimates."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inversion.alerts import AlertRule, AlertState, advance
from inversion.core import Estimate, Fit, Parameter, ParameterSpace, prior_estimate
from sensors import Quality

SPACE = ParameterSpace((Parameter("spall", "m", 0.0, 6e-3, "width", shown="mm"),))
RULE = AlertRule("wide", "spall", limit=3e-3, confidence=0.9, on_delay_s=10, off_delay_s=20)
SECOND = 1_000_000_000


def estimate(value: float, *, resolved: bool = True, quality: Quality = Quality.GOOD, std: float = 0.1) -> Estimate:
    mean = SPACE.to_latent(np.array([value]))
    return Estimate(SPACE, mean, np.array([[std**2]]), np.zeros(1), (resolved,), Fit(quality))


WIDE, NARROW = estimate(5e-3), estimate(1e-3)
BAD = estimate(5e-3, quality=Quality.BAD)
WIDE_UNRESOLVED, BELOW_ONE = estimate(5e-3, resolved=False), estimate(1e-3, resolved=False)
KINDS = {"wide": WIDE, "narrow": NARROW, "bad": BAD, "unresolved": WIDE_UNRESOLVED, "bounded": BELOW_ONE}
SAYS = {"wide": True, "narrow": False, "bad": None, "unresolved": None, "bounded": False}


def run(rule: AlertRule, history: list[tuple[float, Estimate]], state: AlertState | None = None) -> AlertState:
    state = state or AlertState()
    for t, judged in history:
        state = advance(rule, state, judged, round(t * SECOND))
    return state


def test_alarm_comes_after_the_on_delay_and_goes_after_the_off_delay():
    phases = []
    state = AlertState()
    for t in range(0, 60, 5):
        state = advance(RULE, state, WIDE if t < 20 else NARROW, t * SECOND)
        phases.append((t, state.phase))
    assert phases == [
        (0, "pending"), (5, "pending"), (10, "active"), (15, "active"), (20, "clearing"), (25, "clearing"),
        (30, "clearing"), (35, "clearing"), (40, "normal"), (45, "normal"), (50, "normal"), (55, "normal"),
    ]  # fmt: skip
    assert state.since_ns == 40 * SECOND


def test_without_delays_one_estimate_raises_and_one_clears():
    rule = replace(RULE, on_delay_s=0, off_delay_s=0)
    assert run(rule, [(0, WIDE)]).phase == "active"
    assert run(rule, [(0, WIDE), (1, NARROW)]).phase == "normal"


def test_evidence_back_while_clearing_is_the_same_alarm():
    state = run(RULE, [(0, WIDE), (10, WIDE), (20, NARROW), (25, WIDE)])
    assert state.phase == "active"
    assert run(RULE, [(30, NARROW), (49, NARROW)], state).phase == "clearing"
    assert run(RULE, [(30, NARROW), (50, NARROW)], state).phase == "normal"


def test_evidence_gone_while_pending_starts_over():
    assert run(RULE, [(0, WIDE), (5, NARROW), (6, WIDE), (15, WIDE)]).phase == "pending"
    assert run(RULE, [(0, WIDE), (5, NARROW), (6, WIDE), (16, WIDE)]).phase == "active"


@pytest.mark.parametrize("silent", [BAD, WIDE_UNRESOLVED])
@pytest.mark.parametrize("before", [[], [(0, WIDE)], [(0, WIDE), (10, WIDE)], [(0, WIDE), (10, WIDE), (11, NARROW)]])
def test_bad_and_unresolved_change_nothing(silent, before):
    state = run(RULE, before)
    assert advance(RULE, state, silent, 100 * SECOND) is state


def test_unresolved_clears_only_when_wholly_on_the_safe_side():
    alarming = run(replace(RULE, off_delay_s=0), [(0, WIDE), (10, WIDE)])
    assert run(replace(RULE, off_delay_s=0), [(11, BELOW_ONE)], alarming).phase == "normal"
    nearly = estimate(2.9e-3, resolved=False)
    assert run(replace(RULE, off_delay_s=0), [(11, nearly)], alarming).phase == "active"


def test_side_below():
    rule = replace(RULE, side="below", on_delay_s=0)
    assert run(rule, [(0, NARROW)]).phase == "active"
    assert run(rule, [(0, WIDE)]).phase == "normal"
    assert run(rule, [(0, NARROW), (1, BELOW_ONE)]).phase == "active"  # reaches down to zero: not on the safe side


def test_a_long_silence_breaks_a_running_delay():
    rule = replace(RULE, max_gap_s=60)
    assert run(rule, [(0, WIDE), (61, WIDE)]).phase == "pending"
    assert run(rule, [(0, WIDE), (60, WIDE)]).phase == "active"
    assert run(rule, [(0, WIDE), (61, WIDE), (71, WIDE)]).phase == "active"


def test_a_clock_set_back_restarts_the_delay_and_does_not_freeze_the_alarm():
    state = run(RULE, [(1000, WIDE), (5, WIDE), (14, WIDE)])
    assert state.phase == "pending"
    assert run(RULE, [(15, WIDE)], state).phase == "active"


def test_half_certain_is_not_beyond():
    assert run(replace(RULE, on_delay_s=0), [(0, estimate(3.01e-3, std=1.0))]).phase == "normal"


def test_prior_alone_never_alarms():
    prior = prior_estimate(SPACE, np.zeros(1), Fit(Quality.BAD, reason="nothing measured"))
    assert run(replace(RULE, on_delay_s=0), [(t, prior) for t in range(5)]) == AlertState()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"side": "beyond"}, "side must be 'above' or 'below', got 'beyond'"),
        ({"confidence": 1.0}, "confidence must lie between 0.5 and 1, got 1.0"),
        ({"on_delay_s": -1}, "on_delay_s must be zero or more, got -1 s"),
        ({"off_delay_s": float("nan")}, "off_delay_s must be zero or more, got nan s"),
        ({"limit": float("inf")}, "limit must be a number, got inf"),
        ({"max_gap_s": 0}, "max_gap_s must be positive, got 0 s"),
        ({"name": ""}, "name must be one line of text"),
    ],
)
def test_an_impossible_rule_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        replace(RULE, **change)


def test_an_unknown_phase_is_refused():
    with pytest.raises(ValueError, match="phase must be one of normal, pending, active, clearing; got 'asleep'"):
        AlertState.from_dict({"phase": "asleep"})


histories = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(sorted(KINDS))), max_size=30)
delays = st.integers(0, 40)


@given(histories, delays, delays)
def test_never_active_before_the_on_delay_of_continuous_evidence(steps, on_delay, off_delay):
    rule = replace(RULE, on_delay_s=on_delay, off_delay_s=off_delay)
    state, now, since = AlertState(), 0, None
    for gap, kind in steps:
        now += gap
        before, state = state, advance(rule, state, KINDS[kind], now * SECOND)
        if SAYS[kind] is not None:
            since = (now if since is None else since) if SAYS[kind] else None
        if state.phase == "active" and not before.alarming:
            assert SAYS[kind] is True
            assert now - since >= on_delay


@given(histories, delays, st.integers(0, 30))
def test_state_survives_json_anywhere_in_a_history(steps, delay, cut):
    rule = replace(RULE, on_delay_s=delay, off_delay_s=delay)
    times = np.cumsum([gap for gap, _ in steps]).tolist()
    history = [(t, KINDS[kind]) for t, (_, kind) in zip(times, steps, strict=True)]
    half = run(rule, history[:cut])
    restored = AlertState.from_dict(json.loads(json.dumps(half.to_dict())))
    assert restored == half
    assert run(rule, history[cut:], restored) == run(rule, history)
