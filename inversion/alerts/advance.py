"""One more estimate judged by one rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inversion.alerts.ahead import passed_within
from inversion.alerts.rule import AlertRule
from inversion.alerts.state import AlertState
from inversion.core import Estimate
from inversion.core.trend import Trend
from sensors import Quality

_NS = 1_000_000_000


def advance(
    rule: AlertRule, state: AlertState, estimate: Estimate, now_ns: int, trends: Sequence[Trend] = ()
) -> AlertState:
    """State after one more estimate, of time `now_ns`, and where its track is going. Pure.

    What the estimate says:
    - of quality BAD: nothing;
    - not resolvable: "safe" when its interval at the rule's confidence lies wholly on the safe side of the limit,
      else nothing. So it can clear an alarm and can never raise one;
    - resolvable: "beyond" when P(beyond the limit) reaches the confidence, else "safe". Of a rule that looks ahead,
      P(beyond the limit within its days); where its track foretells nothing, P(beyond the limit).

    What follows:
    - nothing: the very same state; running delays neither end nor break;
    - beyond: normal -> pending -> active once `on_delay_s` have passed since pending began; clearing -> active;
    - safe: active -> clearing -> normal once `off_delay_s` have passed since clearing began; pending -> normal.
    A delay ends only at an estimate that says so itself: an alarm never becomes active by the clock alone. A delay of
    zero ends at once. A delay starts again, from `now_ns`, after a silence longer than `max_gap_s` and when
    `now_ns` is earlier than the last judgement (estimates out of order, or a clock set back).
    """
    beyond, probability = _judge(rule, estimate, trends)
    if beyond is None:
        return state
    return replace(
        _step(rule, _unbroken(rule, state, now_ns), beyond, now_ns), judged_ns=now_ns, probability=probability
    )


def _judge(rule: AlertRule, estimate: Estimate, trends: Sequence[Trend]) -> tuple[bool | None, float]:
    """Whether the parameter is beyond the limit (None: nothing is said), and with what probability.

    What is passed now is passed within any days, so that an alarm on time is never later than that on the limit.
    """
    above = estimate.probability_above(rule.parameter, rule.limit)
    probability = above if rule.side == "above" else 1.0 - above
    if rule.within_days > 0:
        probability = max(probability, passed_within(rule, trends) or 0.0)
    if estimate.fit.quality is Quality.BAD:
        return None, probability
    if estimate.resolvable(rule.parameter):
        return probability >= rule.confidence, probability
    low, high = estimate.interval(rule.parameter, rule.confidence)
    safe = high < rule.limit if rule.side == "above" else low > rule.limit
    return (False if safe else None), probability


def _unbroken(rule: AlertRule, state: AlertState, now_ns: int) -> AlertState:
    """The state, its running delay started again where time has a hole or runs backward."""
    if state.judged_ns is None or state.phase not in ("pending", "clearing"):
        return state
    elapsed_ns = now_ns - state.judged_ns
    if 0 <= elapsed_ns <= rule.max_gap_s * _NS:
        return state
    return replace(state, since_ns=now_ns)


def _step(rule: AlertRule, state: AlertState, beyond: bool, now_ns: int) -> AlertState:
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
