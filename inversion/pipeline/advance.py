"""Frames in, findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from inversion import alerts, tracking
from inversion.alerts import AlertRule, AlertState, QualityRule, limit_in_force
from inversion.core import Alarm, Estimate, Features, Finding, Fit, ForwardModel, prior_estimate
from inversion.core.memory import Memory
from inversion.pipeline.pipeline import Pipeline
from inversion.pipeline.state import AssetState
from sensors import Frame, Quality

_DAY_S = 86_400.0
_NEW, _UNJUDGED = AssetState(), AlertState()


def advance(
    pipeline: Pipeline, states: Mapping[str, AssetState], frames: Sequence[Frame]
) -> tuple[dict[str, AssetState], list[Finding]]:
    """States after these frames, and one finding a frame, in order. Pure.

    The same frames in any batching give the same findings. Bad data never raise: a frame without a channel that the
    model needs gives the prior, of quality BAD, with the reason.
    """
    memories = {asset: state.memory for asset, state in states.items()}
    estimates, remembered = _invert(pipeline, frames, memories)
    after = dict(states)
    findings = []
    for frame, estimate in zip(frames, estimates, strict=True):
        memory = remembered.get(frame.asset)
        after[frame.asset], finding = _follow(pipeline, after.get(frame.asset, _NEW), frame, estimate, memory)
        findings.append(finding)
    return after, findings


def _invert(
    pipeline: Pipeline, frames: Sequence[Frame], memories: Mapping[str, Memory | None]
) -> tuple[list[Estimate], Mapping[str, Memory | None]]:
    """One estimate a frame, and what is remembered after them; frames that hold every channel go together."""
    model, remembering = pipeline.model, pipeline.remembering
    lacks = [_missing(model, frame) for frame in frames]
    complete = [frame for frame, missing in zip(frames, lacks, strict=True) if not missing]
    after = memories if remembering is not None else {}
    features: Features | None = None
    if complete and remembering is not None:
        features, after = remembering.observe_in_turn(complete, memories)
    elif complete:
        features = model.observe(complete)
    inverted = iter(pipeline.inverter.invert(features) if features is not None else ())
    return [_unmeasured(model, missing) if missing else next(inverted) for missing in lacks], after


def _missing(model: ForwardModel, frame: Frame) -> str:
    """Why the model cannot look at this frame; empty where it can."""
    absent = [name for name in model.channels if name not in frame.channels]
    if not absent:
        return ""
    return f"channel {', '.join(absent)} is missing, there are: {', '.join(frame.channels)}"


def _unmeasured(model: ForwardModel, reason: str) -> Estimate:
    """The prior; its floor is not known, hence NaN (null in JSON)."""
    floor = np.full(len(model.space), np.nan)
    return prior_estimate(model.space, floor, Fit(Quality.BAD, reason=reason))


def _follow(
    pipeline: Pipeline, state: AssetState, frame: Frame, estimate: Estimate, memory: Memory | None
) -> tuple[AssetState, Finding]:
    """One asset, one more window: track, then alarms on the track. memory: what the model remembers after it"""
    track = tracking.advance(pipeline.tracker, state.track, estimate, frame.start_ns)
    tracked = tracking.to_estimate(track, estimate)
    judged = _judged(tracked, estimate)
    trends = tracking.trends(pipeline.tracker, track, estimate.space, pipeline.limits)
    machine = alerts.follow(pipeline.states, state.machine, frame)
    after = {
        rule.name: alerts.advance(
            rule, state.alerts.get(rule.name, _UNJUDGED), judged, frame.start_ns, trends, machine.name
        )
        for rule in pipeline.rules
    }
    finding = Finding(
        asset=frame.asset,
        source=frame.source,
        position=frame.position,
        start_ns=frame.start_ns,
        clock_trusted=frame.clock_trusted,
        duration_s=frame.duration_s,
        engine=pipeline.engine,
        estimate=estimate,
        track=tracked,
        alarms=tuple(_alarm(pipeline, rule, after[rule.name], frame) for rule in pipeline.rules),
        trends=trends,
        machine_state=machine.name if pipeline.states else None,
        monotonic_ns=frame.monotonic_ns,
    )
    return AssetState(track, after, machine, memory), finding


def _judged(tracked: Estimate, window: Estimate) -> Estimate:
    """What alarms are judged on: the track, resolvable only where the window is too.

    So a window that is not resolvable never raises an alarm, however sure the track is from earlier windows.
    """
    both = tuple(a and b for a, b in zip(tracked.resolved, window.resolved, strict=True))
    return tracked if both == tracked.resolved else replace(tracked, resolved=both)


def _alarm(pipeline: Pipeline, rule: AlertRule | QualityRule, state: AlertState, frame: Frame) -> Alarm:
    side, limit, unit = _shown_limit(pipeline, rule, state)
    return Alarm(
        name=rule.name,
        parameter=rule.parameter if isinstance(rule, AlertRule) else None,
        side=side,
        limit=limit,
        unit=unit,
        probability=float("nan") if state.probability is None else state.probability,
        state=state.phase,
        since_ns=frame.start_ns if state.since_ns is None else state.since_ns,
        condition=rule.condition,
        severity=rule.severity,
        within_days=rule.within_days if isinstance(rule, AlertRule) else 0.0,
        suppressed=state.suppressed,
    )


def _shown_limit(pipeline: Pipeline, rule: AlertRule | QualityRule, state: AlertState) -> tuple[str | None, float, str]:
    """Side, limit in force and its unit, as people see them; growth by the day."""
    if isinstance(rule, QualityRule):
        return None, float("nan"), "1"
    parameter = pipeline.model.space[rule.parameter]
    if rule.condition == "growth":
        a_day = parameter.to_shown(rule.limit * _DAY_S) - parameter.to_shown(0.0)
        return rule.side, a_day, f"{parameter.shown}/d"
    return rule.side, parameter.to_shown(limit_in_force(rule, state)), parameter.shown
