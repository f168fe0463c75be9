"""One more window of an asset.

A scalar Kalman filter a parameter, in latent space, after Schmidt's treatment of errors that are considered but not
estimated (Schmidt, Advances in Control Systems 3 (1966) 293): the gain is that of the independent errors, and the
shared error of the mean is the sum of the windows' shared errors, weighted as the windows are and fully correlated.
A window's posterior holds the prior already, which is divided out first: else it would be counted once a window.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from inversion.core import Estimate, ParameterSpace
from inversion.tracking.track import Belief, Track
from inversion.tracking.tracker import Tracker
from sensors import Quality

PRIOR = Belief(mean=0.0, variance=1.0, shared=0.0, resolving=0.0, windows=0.0)
_FORGOTTEN = 0.9  # a track as wide as this share of the prior knows nothing any more
_NARROWEST, _WIDEST = 1e-6, 0.99  # latent variance of one window that can be used
_P84, _Z90 = 0.8413447460685429, 1.2815515655446004  # normal probability at 1; normal quantile of 0.9


def advance(tracker: Tracker, track: Track | None, estimate: Estimate, start_ns: int) -> Track:
    """Track after one more window, which began at `start_ns`. Pure; windows come one after the other.

    - Time widens: the random walk adds its variance, up to the prior's. Time that runs backward adds nothing.
    - BAD window: only time passes.
    - Resolvable window: the mean moves toward it. The variance stays above `shared` times that of the best window.
    - Not resolvable window, its upper bound above the track: says nothing about the value; only time passes.
    - Not resolvable window, its upper bound below the track: the mean moves toward the bound, with the little weight
      that such a window has.
    - The track is resolvable while at least half of the recent windows are. So one false window among many that find
      nothing makes no track, and after a repair the track soon says so. While it is not resolvable, a window that is
      not either clears what earlier ones had gathered.
    A track of another parameter space is forgotten.
    """
    space = _ranges(estimate.space)
    if track is None or track.space != space:
        track = Track(start_ns, space, dict.fromkeys(space, PRIOR))
    elapsed_ns = start_ns - track.last_ns
    beliefs = {}
    for i, name in enumerate(estimate.space.names):
        belief = _widened(track.beliefs[name], tracker.step_variance(name, elapsed_ns))
        if estimate.fit.quality is not Quality.BAD:
            belief = _informed(tracker, belief, estimate, i)
        beliefs[name] = belief
    return Track(start_ns, space, beliefs)


def to_estimate(track: Track, window: Estimate) -> Estimate:
    """The track as an estimate; floor and fit are those of its latest window. Correlations are not tracked.

    A parameter that the track does not resolve is the latest window's own: upper bounds do not average out.
    """
    beliefs = [track.beliefs[name] for name in window.space.names]
    shown = [
        _Gaussian(belief.mean, belief.total) if belief.resolved else _upper(window, i)
        for i, belief in enumerate(beliefs)
    ]
    return Estimate(
        space=window.space,
        mean=np.array([gaussian.mean for gaussian in shown]),
        covariance=np.diag([gaussian.variance for gaussian in shown]),
        floor=window.floor,
        resolved=tuple(belief.resolved for belief in beliefs),
        fit=window.fit,
    )


class _Gaussian(NamedTuple):
    mean: float
    variance: float


def _ranges(space: ParameterSpace) -> dict[str, tuple[float, float]]:
    return {parameter.name: (parameter.low, parameter.high) for parameter in space}


def _widened(belief: Belief, added: float) -> Belief:
    """The belief after the random walk added its variance, no wider than the prior."""
    room = max(PRIOR.variance - belief.total, 0.0)
    wider = replace(belief, variance=belief.variance + min(added, room))
    forgotten = belief.total <= _FORGOTTEN < wider.total
    return replace(wider, resolving=0.0, windows=0.0) if forgotten else wider


def _informed(tracker: Tracker, belief: Belief, estimate: Estimate, i: int) -> Belief:
    """The belief after one window that is not BAD."""
    belief = replace(
        belief,
        resolving=tracker.discount * belief.resolving + float(estimate.resolved[i]),
        windows=tracker.discount * belief.windows + 1.0,
    )
    if estimate.resolved[i]:
        window = _central(estimate, i)
        error = _without_prior(window.variance)
        target = window.mean * (1 + error)  # mean / variance = target / error + 0 / 1
        return _moved(belief, target, error, tracker.shared)
    if not belief.resolved:
        return replace(PRIOR, resolving=belief.resolving, windows=belief.windows)
    window = _upper(estimate, i)
    bound = window.mean + _Z90 * math.sqrt(window.variance)
    return _moved(belief, bound, _without_prior(window.variance), tracker.shared) if bound < belief.mean else belief


def _without_prior(variance: float) -> float:
    """Variance of a window's own error: 1 / posterior = 1 / error + 1 / prior, the prior's being one."""
    variance = min(max(variance, _NARROWEST), _WIDEST)
    return variance / (1 - variance)


def _moved(belief: Belief, target: float, error: float, shared: float) -> Belief:
    """The belief after a measurement of `target` with this error variance, of which windows share a share.

    Unchanged where the shared errors of such weak windows would add up to more than the prior's own variance.
    """
    gain = belief.variance / (belief.variance + (1 - shared) * error)
    moved = replace(
        belief,
        mean=belief.mean + gain * (target - belief.mean),
        variance=(1 - gain) * belief.variance,
        shared=(1 - gain) * belief.shared + gain * math.sqrt(shared * error),
    )
    return moved if moved.total <= PRIOR.variance else belief


def _central(estimate: Estimate, i: int) -> _Gaussian:
    """Latent Gaussian of a resolvable parameter: its median, and the larger of the distances to one sigma."""
    if estimate.marginals is None:
        return _Gaussian(float(estimate.mean[i]), float(estimate.covariance[i, i]))
    below, middle, above = (_latent_quantile(estimate, i, p) for p in (1 - _P84, 0.5, _P84))
    return _Gaussian(middle, max(above - middle, middle - below) ** 2)


def _upper(estimate: Estimate, i: int) -> _Gaussian:
    """Latent Gaussian of a parameter that is only bounded: its median and its 90 % quantile, which is the bound."""
    if estimate.marginals is None:
        return _Gaussian(float(estimate.mean[i]), float(estimate.covariance[i, i]))
    middle, top = (_latent_quantile(estimate, i, p) for p in (0.5, 0.9))
    return _Gaussian(middle, max(((top - middle) / _Z90) ** 2, _NARROWEST))


def _latent_quantile(estimate: Estimate, i: int, probability: float) -> float:
    theta = estimate.space.low.copy()
    theta[i] = estimate.quantile(estimate.space.names[i], probability)
    return float(estimate.space.to_latent(theta)[i])
