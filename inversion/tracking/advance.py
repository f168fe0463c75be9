"""One more window of an asset.

Every parameter is followed by a bank of filters (`bank.py`). Against it stands, whenever a window surprises, a rival:
that the asset changed at that window (a repair, a new sensor) and nothing before it counts. Rival and track are
weighed by how well each explains the windows since; a rival that wins becomes the track, and a step is said.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from inversion.core import QUANTILE_LEVELS, Estimate, ParameterSpace
from inversion.tracking import bank as filters
from inversion.tracking.bank import Bank
from inversion.tracking.growth import Hypotheses
from inversion.tracking.mixture import quantiles
from inversion.tracking.track import Belief, Rival, Track
from inversion.tracking.tracker import Tracker
from inversion.tracking.window import Window, windows_of
from sensors import Quality

_DAY_NS = 86_400e9
_FORGOTTEN = 0.9  # a track as wide as this share of the prior knows nothing any more
_CLEARED = 0.25  # share of resolving windows below which an unresolved window ends the track
_HAZARD = math.log(3e-3)  # a change at a given window, beforehand
_WON = math.log(50.0)  # odds at which a change is said
_PATIENCE = 10  # windows after which a change that is still in question was none


def advance(tracker: Tracker, track: Track | None, estimate: Estimate, start_ns: int) -> Track:
    """Track after one more window, which began at `start_ns`. Pure; windows come one after the other.

    - Time: levels grow at their rates, uncertainty grows, up to the prior's. Time that runs backward adds nothing.
    - BAD window: only time passes.
    - Resolvable window: a measurement. One that lies far off counts little; a run of them is a step.
    - Not resolvable window, its upper bound above the track: says nothing about the value.
    - Not resolvable window, its upper bound below the track: a measurement at the bound, with the little weight that
      such a window has.
    - More windows in a row that do not resolve the parameter than the track ever missed are a step as well.
    - The track is resolvable while at least half of the recent windows are. So one false window among many that find
      nothing makes no track, and after a repair the track soon says so. What few resolving windows among many others
      had gathered is cleared.
    A track of another parameter space, or of other hypotheses, is forgotten.
    """
    space = _ranges(estimate.space)
    if track is None or track.space != space:
        track = Track(start_ns, space, dict.fromkeys(space, Belief()))
    days = (start_ns - track.last_ns) / _DAY_NS
    bad = estimate.fit.quality is Quality.BAD
    windows = {} if bad else dict(zip(estimate.space.names, windows_of(estimate), strict=True))
    beliefs, discount = {}, tracker.discount
    for name in space:
        belief, window = track.beliefs[name], windows.get(name)
        if belief.bank is None and (window is None or not window.resolved):
            beliefs[name] = belief if window is None else _unknown(belief, discount)
            continue
        suppose = tracker.suppose(name)
        belief = _later(_fitting(belief, suppose), suppose, days)
        if window is not None:
            belief = _informed(_challenged(belief, suppose, window, discount, start_ns), suppose, window, discount)
            belief = _dated(belief, start_ns)
        beliefs[name] = belief
    return Track(start_ns, space, beliefs)


def to_estimate(track: Track, window: Estimate) -> Estimate:
    """The track as an estimate; floor and fit are those of its latest window. Correlations are not tracked.

    A parameter that the track does not resolve is the latest window's own: upper bounds do not average out. So is a
    nuisance.
    """
    space = window.space
    beliefs = [track.beliefs.get(name) for name in space.names]
    resolved = tuple(
        known if belief is None else belief.resolved for known, belief in zip(window.resolved, beliefs, strict=True)
    )
    mean, variance = window.mean.copy(), window.covariance.diagonal().copy()
    marginals = window.marginals
    if marginals is None:
        marginals = np.array([window.tabulated(i) for i in range(len(space))])
    for i, belief in enumerate(beliefs):
        if belief is not None and belief.bank is not None and resolved[i]:
            if marginals is window.marginals:
                marginals = marginals.copy()
            mean[i], variance[i] = belief.bank.moments()
            marginals[i] = _marginal(space, i, belief.bank)
    return Estimate(space, mean, np.diag(variance), window.floor, resolved, window.fit, marginals)


def _ranges(space: ParameterSpace) -> dict[str, tuple[float, float]]:
    return {parameter.name: (parameter.low, parameter.high) for parameter in space if not parameter.nuisance}


def _marginal(space: ParameterSpace, i: int, bank: Bank) -> filters.Array:
    """(k,) SI quantiles of the i-th parameter."""
    latent = np.zeros((QUANTILE_LEVELS.size, len(space)))
    latent[:, i] = quantiles(bank.weight, bank.level, bank.deviation, QUANTILE_LEVELS)
    return space.from_latent(latent)[:, i]


def _fitting(belief: Belief, suppose: Hypotheses) -> Belief:
    """The belief, forgotten where its filters are those of other settings."""
    known = belief.bank is None or belief.bank.weight.size == suppose.weight.size
    return belief if known else Belief()


def _later(belief: Belief, suppose: Hypotheses, days: float) -> Belief:
    """The belief after time; a track that has become as wide as the prior is none."""
    rival = belief.rival
    if rival is not None and rival.bank is not None:
        rival = replace(rival, bank=filters.passed(rival.bank, suppose, days))
    if belief.bank is None:
        return belief
    before, after = belief.bank, filters.passed(belief.bank, suppose, days)
    if before.moments()[1] <= _FORGOTTEN < after.moments()[1]:
        return Belief(step_ns=belief.step_ns)
    return replace(belief, bank=after, rival=rival)


def _unknown(belief: Belief, discount: float) -> Belief:
    """Of what nothing is known, after one window that does not resolve it."""
    resolving, windows = discount * belief.resolving, discount * belief.windows + 1.0
    return Belief(None, resolving, windows, belief.missed + 1, belief.seen + 1, belief.rival, belief.step_ns)


def _informed(belief: Belief, suppose: Hypotheses, window: Window, discount: float) -> Belief:
    """The belief after one window."""
    belief = replace(
        belief,
        resolving=discount * belief.resolving + float(window.resolved),
        windows=discount * belief.windows + 1.0,
        missed=belief.missed + (not window.resolved),
        seen=belief.seen + 1,
    )
    bank = belief.bank
    if window.resolved:
        return replace(belief, bank=_measured(bank, suppose, window))
    if bank is not None and belief.resolving / belief.windows < _CLEARED:
        changed = belief.rival is not None and belief.rival.odds > 0
        step_ns = belief.rival.began_ns if belief.rival is not None and changed else belief.step_ns
        return replace(belief, bank=None, rival=None, missed=0, seen=0, step_ns=step_ns, began_ns=None)
    if bank is not None and window.value < bank.moments()[0]:
        bank = filters.informed(bank, suppose, window.value, window.error, 0.0)
    return replace(belief, bank=bank)


def _dated(belief: Belief, start_ns: int) -> Belief:
    """The belief, its beginning noted when its first window has come."""
    return belief if belief.bank is None or belief.began_ns is not None else replace(belief, began_ns=start_ns)


def _measured(bank: Bank | None, suppose: Hypotheses, window: Window) -> Bank:
    """The bank after a resolvable window; the first one is taken at its word."""
    if bank is None:
        return filters.informed(filters.begun(suppose), suppose, window.value, window.error, 0.0)
    return filters.informed(bank, suppose, window.value, window.error)


def _challenged(belief: Belief, suppose: Hypotheses, window: Window, discount: float, start_ns: int) -> Belief:
    """The belief before this window, after it has been asked whether the asset changed, and at which window."""
    if belief.bank is None:
        return belief
    fresh = Rival(start_ns, belief.bank.weight, None, _HAZARD)
    rivals = [fresh] if belief.rival is None else [fresh, belief.rival]
    rival = max((_weighed(belief, each, suppose, window) for each in rivals), key=lambda each: each.odds)
    if rival.odds <= _HAZARD or rival.seen >= _PATIENCE:
        return replace(belief, rival=None)
    if rival.odds > _WON:
        began_ns = None if rival.bank is None else rival.began_ns
        return Belief(rival.bank, rival.resolving, rival.windows, step_ns=rival.began_ns, began_ns=began_ns)
    grown = replace(
        rival,
        bank=_measured(rival.bank, suppose, window) if window.resolved else rival.bank,
        resolving=discount * rival.resolving + float(window.resolved),
        windows=discount * rival.windows + 1.0,
        seen=rival.seen + 1,
    )
    return replace(belief, rival=grown)


def _weighed(belief: Belief, rival: Rival, suppose: Hypotheses, window: Window) -> Rival:
    """The rival with its odds after one more window, before it has learned from it."""
    assert belief.bank is not None
    usual = replace(belief.bank, weight=rival.trust)
    told = _explained(rival.bank, suppose, window, (rival.resolving + 0.5) / (rival.windows + 1.0))
    foretold = _explained(usual, suppose, window, 1 - (belief.missed + 0.5) / (belief.seen + 1.0))
    return replace(rival, odds=rival.odds + told - foretold)


def _explained(bank: Bank | None, suppose: Hypotheses, window: Window, resolving: float) -> float:
    """Log likelihood of a window; resolving: share of windows that are supposed to resolve the parameter."""
    bank = bank or filters.begun(suppose)
    right, else_ = filters.likelihood(bank, suppose, window.value, window.error)
    if window.resolved:
        density = (1 - filters.WRONG) * float(bank.weight @ right) + filters.WRONG * else_
        return math.log(resolving * density)
    shortfall = max(0.0, bank.moments()[0] - window.value) ** 2 / (bank.moments()[1] + window.error)
    return math.log(1 - resolving) - 0.5 * shortfall
