"""One more window of an asset.

Every parameter is followed by a bank of filters (`bank.py`). Against it stands, whenever a window surprises, a rival:
that the asset changed at that window (a repair, a new sensor) and nothing before it counts. Rival and track are
weighed by how well each explains the windows since; a rival that wins becomes the track, and a step is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

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
    space = estimate.space.ranges
    if track is None or track.space != space:
        track = Track(start_ns, space, dict.fromkeys(space, Belief()))
    days = (start_ns - track.last_ns) / _DAY_NS
    bad, discount = estimate.fit.quality is Quality.BAD, tracker.discount
    resolved = dict(zip(estimate.space.names, estimate.resolved, strict=True))
    followed = [name for name in space if track.beliefs[name].bank is not None or (resolved[name] and not bad)]
    windows = dict(zip(estimate.space.names, windows_of(estimate), strict=True)) if followed and not bad else {}
    beliefs = {name: belief if bad else _unknown(belief, discount) for name, belief in track.beliefs.items()}
    for name in followed:
        suppose = tracker.suppose(name)
        belief = _later(_fitting(track.beliefs[name], suppose), suppose, days)
        if not bad:
            look = _Look(suppose, windows[name], discount, belief.bank)
            belief = _dated(_informed(_challenged(belief, look, start_ns), look), start_ns)
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
    marginals = window.marginals
    if marginals is None:
        marginals = np.array([window.tabulated(i) for i in range(len(space))])
    tracked: dict[int, Bank] = {}
    for i, belief in enumerate(beliefs):
        if belief is not None and belief.bank is not None and resolved[i]:
            if marginals is window.marginals:
                marginals = marginals.copy()
            tracked[i] = belief.bank
            marginals[i] = _marginal(space, i, belief.bank)

    def gaussian() -> tuple[filters.Array, filters.Array]:
        mean, variance = window.mean.copy(), window.covariance.diagonal().copy()
        for i, bank in tracked.items():
            mean[i], variance[i] = bank.moments
        return mean, np.diag(variance)

    return Estimate.of_marginals(space, gaussian, window.floor, resolved, window.fit, marginals)


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
    if after.moments[1] > _FORGOTTEN >= before.moments[1]:
        return Belief(step_ns=belief.step_ns)
    return replace(belief, bank=after, rival=rival)


def _unknown(belief: Belief, discount: float) -> Belief:
    """Of what nothing is known, after one window that does not resolve it."""
    resolving, windows = discount * belief.resolving, discount * belief.windows + 1.0
    return Belief(None, resolving, windows, belief.missed + 1, belief.seen + 1, belief.rival, belief.step_ns)


@dataclass(frozen=True)
class _Look:
    """What is asked of one window more than once. bank: of the belief before it"""

    suppose: Hypotheses
    window: Window
    discount: float
    bank: Bank | None

    @cached_property
    def measured(self) -> filters.Measured:
        """The window, as the filters see it."""
        return filters.measured(self.suppose, self.window.value, self.window.error)

    @cached_property
    def _right(self) -> filters.Array:
        assert self.bank is not None
        return filters.likelihood(self.bank, self.measured)

    def right(self, bank: Bank) -> filters.Array:
        """(m,) density of the window under each filter, whatever these weigh."""
        known = self.bank is not None and bank.level is self.bank.level
        return self._right if known else filters.likelihood(bank, self.measured)

    def told(self, bank: Bank | None) -> Bank:
        """The bank after this window, which is resolvable; the first one is taken at its word."""
        if bank is None:
            return self.believed(filters.begun(self.suppose))
        return filters.informed(bank, self.suppose, self.measured, self.right(bank))

    def believed(self, bank: Bank) -> Bank:
        """The bank after this window, taken at its word."""
        return filters.informed(bank, self.suppose, self.measured, self.right(bank), 0.0)


def _informed(belief: Belief, look: _Look) -> Belief:
    """The belief after one window."""
    window, bank = look.window, belief.bank
    belief = replace(
        belief,
        bank=look.told(bank) if window.resolved else bank,
        resolving=look.discount * belief.resolving + float(window.resolved),
        windows=look.discount * belief.windows + 1.0,
        missed=belief.missed + (not window.resolved),
        seen=belief.seen + 1,
    )
    if window.resolved or bank is None:
        return belief
    if belief.resolving / belief.windows < _CLEARED:
        changed = belief.rival is not None and belief.rival.odds > 0
        step_ns = belief.rival.began_ns if belief.rival is not None and changed else belief.step_ns
        return replace(belief, bank=None, rival=None, missed=0, seen=0, step_ns=step_ns, began_ns=None)
    return replace(belief, bank=look.believed(bank)) if window.value < bank.moments[0] else belief


def _dated(belief: Belief, start_ns: int) -> Belief:
    """The belief, its beginning noted when its first window has come."""
    return belief if belief.bank is None or belief.began_ns is not None else replace(belief, began_ns=start_ns)


def _challenged(belief: Belief, look: _Look, start_ns: int) -> Belief:
    """The belief before this window, after it has been asked whether the asset changed, and at which window."""
    if belief.bank is None:
        return belief
    fresh = Rival(start_ns, belief.bank.weight, None, _HAZARD)
    rivals = [fresh] if belief.rival is None else [fresh, belief.rival]
    rival = max((_weighed(belief, belief.bank, each, look) for each in rivals), key=lambda each: each.odds)
    if rival.odds <= _HAZARD or rival.seen >= _PATIENCE:
        return belief if belief.rival is None else replace(belief, rival=None)
    if rival.odds > _WON:
        began_ns = None if rival.bank is None else rival.began_ns
        return Belief(rival.bank, rival.resolving, rival.windows, step_ns=rival.began_ns, began_ns=began_ns)
    grown = replace(
        rival,
        bank=look.told(rival.bank) if look.window.resolved else rival.bank,
        resolving=look.discount * rival.resolving + float(look.window.resolved),
        windows=look.discount * rival.windows + 1.0,
        seen=rival.seen + 1,
    )
    return replace(belief, rival=grown)


def _weighed(belief: Belief, bank: Bank, rival: Rival, look: _Look) -> Rival:
    """The rival with its odds after one more window, before it has learned from it. bank: of the belief"""
    usual = bank if rival.trust is bank.weight else replace(bank, weight=rival.trust)
    told = _explained(rival.bank or filters.begun(look.suppose), look, (rival.resolving + 0.5) / (rival.windows + 1.0))
    foretold = _explained(usual, look, 1 - (belief.missed + 0.5) / (belief.seen + 1.0))
    return replace(rival, odds=rival.odds + told - foretold)


def _explained(bank: Bank, look: _Look, resolving: float) -> float:
    """Log likelihood of a window; resolving: share of windows that are supposed to resolve the parameter."""
    if look.window.resolved:
        right = float(bank.weight @ look.right(bank))
        return math.log(resolving * ((1 - filters.WRONG) * right + filters.WRONG * look.measured.if_wrong))
    mean, variance = bank.moments
    return math.log(1 - resolving) - 0.5 * (max(0.0, mean - look.window.value) ** 2 / (variance + look.window.error))
