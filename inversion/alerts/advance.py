"""One more estimate judged by one rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from inversion.alerts.baseline import Learned, learn
from inversion.alerts.conduct import watched
from inversion.alerts.judge import judge
from inversion.alerts.machine import RUNNING
from inversion.alerts.quality_rule import QualityRule
from inversion.alerts.rule import AlertRule
from inversion.alerts.state import AlertState
from inversion.core import Estimate
from inversion.core.trend import Trend
from sensors import Quality

_NS = 1_000_000_000


def advance(
    rule: AlertRule | QualityRule,
    state: AlertState,
    estimate: Estimate,
    now_ns: int,
    trends: Sequence[Trend] = (),
    machine_state: str = RUNNING,
) -> AlertState:
    """State after one more estimate, of time `now_ns`. Pure.

    What the estimate says to a rule on a value:
    - of quality BAD: nothing;
    - not resolvable: "safe" when its interval at the rule's confidence lies wholly on the safe side of the limit,
      else nothing. So it can clear an alarm and can never raise one;
    - resolvable: "beyond" when P(beyond the limit) reaches the confidence, else "safe". Of a rule that looks ahead,
      P(beyond the limit within its days); where its track foretells nothing, P(beyond the limit). While the alarm
      stands the limit is moved by the deadband toward the safe side.
    In a machine state in which the rule is not watched every estimate says nothing.

    What follows:
    - nothing: the very same state; running delays neither end nor break;
    - beyond: normal -> pending -> active once `on_delay_s` have passed since pending began; clearing -> active;
    - safe: active -> clearing -> normal once `off_delay_s` have passed since clearing began; pending -> normal.
    A delay ends only at an estimate that says so itself: an alarm never becomes active by the clock alone. A delay of
    zero ends at once. A delay starts again, from `now_ns`, after a silence longer than `max_gap_s` and when
    `now_ns` is earlier than the last judgement (estimates out of order, or a clock set back).
    """
    suppressed = not watched(rule, machine_state)
    if suppressed != state.suppressed:
        settled = "active" if state.alarming else "normal"  # a delay must pass while the rule is watched
        state = replace(state, suppressed=suppressed, phase=settled)
    if suppressed:
        return state
    beyond, probability = judge(rule, state, estimate, trends)
    if beyond is None:
        return _learned(rule, state, estimate, machine_state)
    stepped = _step(rule, _unbroken(rule, state, now_ns), beyond, now_ns)
    known = None if math.isnan(probability) else probability
    judged = AlertState(stepped.phase, stepped.since_ns, now_ns, known, stepped.suppressed, state.learned)
    return _learned(rule, judged, estimate, machine_state)


def _learned(rule: AlertRule | QualityRule, state: AlertState, estimate: Estimate, machine_state: str) -> AlertState:
    """What the baseline takes from a window: the end of the interval that lies toward the limit."""
    if isinstance(rule, QualityRule) or rule.baseline is None:
        return state
    if state.phase != "normal" or estimate.fit.quality is Quality.BAD:
        return state
    if machine_state != RUNNING and machine_state not in rule.only_in:  # a machine at rest is no baseline
        return state
    low, high = estimate.interval(rule.parameter, rule.confidence)
    before = (
        state.learned if state.learned is not None and state.learned.about(rule.learns) else Learned(of=rule.learns)
    )
    known = learn(rule.baseline, before, high if rule.side == "above" else low)
    return state if known == state.learned else replace(state, learned=known)


def _unbroken(rule: AlertRule | QualityRule, state: AlertState, now_ns: int) -> AlertState:
    """The state, its running delay started again where time has a hole or runs backward."""
    if state.judged_ns is None or state.phase not in ("pending", "clearing"):
        return state
    elapsed_ns = now_ns - state.judged_ns
    if 0 <= elapsed_ns <= rule.max_gap_s * _NS:
        return state
    return replace(state, since_ns=now_ns)


def _step(rule: AlertRule | QualityRule, state: AlertState, beyond: bool, now_ns: int) -> AlertState:
    settled, running = ("active", "pending") if beyond else ("normal", "clearing")
    if state.phase == settled:
        return state if state.since_ns is not None else replace(state, since_ns=now_ns)
    delay_s = rule.on_delay_s if beyond else rule.off_delay_s
    if state.phase == running:
        since_ns = now_ns if state.since_ns is None else state.since_ns
        done = now_ns - since_ns >= delay_s * _NS
        return AlertState(settled, now_ns) if done else state
    returning = state.phase == ("clearing" if beyond else "pending")
    if returning or delay_s == 0:
        return AlertState(settled, now_ns)
    return AlertState(running, now_ns)
