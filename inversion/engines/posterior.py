"""The posterior of a block of parameters in some windows: marginals from profiles, a Gaussian in latent space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core import QUANTILE_LEVELS, Parameter
from inversion.engines import minimize
from inversion.engines.block import Block
from inversion.engines.profile import Grid, Profile, profiles

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_STARTS = 16  # of the search for the mode
_SPREAD = 1.5  # latent: as far from the middle of the prior they lie
_REJECTED = 4.5  # nats: three standard deviations
_INFORMED = 0.5  # of the prior's interval: an estimate that is wider has not been resolved


@dataclass(frozen=True)
class Posterior:
    """Of W windows and q parameters of which s are shown.

    mean: (W, q), covariance: (W, q, q), latent; chi2: (W,) sum of squares of the misfits where the fit is best
    shown: (s,) places of the shown parameters in the block; marginals: (W, s, k) SI; resolved: (W, q)
    """

    mean: Array
    covariance: Array
    chi2: Array
    shown: Index
    marginals: Array
    resolved: NDArray[np.bool_]


def posterior(block: Block, how: Grid, floor: Array) -> Posterior:
    """What the windows tell of the block. floor: (W, q) smallest values that can be resolved, 0 where none."""
    windows, q = len(block), len(block.space)
    shown = [k for k, parameter in enumerate(block.space) if not parameter.nuisance]
    modes = _mode(block, _best_of_many(block, how.iterations), how.iterations) if q > 1 else None
    found = {k: profiles(block, k, how, modes) for k in shown}
    start = np.zeros((windows, 1, q)) if modes is None else np.repeat(modes.latent[:, None], 2, axis=1)
    fitted = start[:, 0].copy()
    for window in range(windows if shown else 0):
        start[window, 0] = min((found[k][window].lowest(k) for k in shown), key=lambda end: end[0])[1]
        fitted[window] = min((found[k][window].lowest() for k in shown), key=lambda end: end[0])[1]
    at = _mode(block, _lowest(block, start), how.iterations)
    mode, covariance = at.latent, np.linalg.inv(at.curvature).astype(np.float64, copy=False)
    marginals = np.zeros((windows, len(shown), QUANTILE_LEVELS.size))
    resolved = np.zeros((windows, q), dtype=np.bool_)
    for column, k in enumerate(shown):
        for window, profile in enumerate(found[k]):
            marginals[window, column] = profile.quantiles()
            resolved[window, k] = _resolved(
                profile, block.space.parameters[k], marginals[window, column], float(floor[window, k])
            )
        _match(block, k, marginals[:, column], mode, covariance)
    return Posterior(mode, covariance, block.misfit(fitted), np.array(shown, dtype=np.intp), marginals, resolved)


def _best_of_many(block: Block, iterations: int) -> minimize.Places:
    """The lowest places, one a window, that are found from starts all over the prior."""
    windows, q = len(block), len(block.space)
    generator = np.sqrt(np.arange(2, 2 + q)) % 1  # irrational steps: a lattice that spreads over all coordinates
    lattice = (np.arange(1, _STARTS)[:, None] * generator % 1) * 2 * _SPREAD - _SPREAD
    start = np.tile(np.concatenate([np.zeros((1, q)), lattice]), (windows, 1))
    owner, free = np.repeat(np.arange(windows), _STARTS), np.arange(q)
    best = np.full(windows, np.inf)
    places = minimize.look(block, start, owner, free)
    places = minimize.descend(block, places, free, max(1, iterations // 2), best, hopeless=0.0)
    return _chosen(places, windows)


def _lowest(block: Block, latent: Array) -> minimize.Places:
    """Of some places in each window (W, s, q) the lowest."""
    windows, each, q = latent.shape
    owner = np.repeat(np.arange(windows), each)
    return _chosen(minimize.look(block, latent.reshape(-1, q), owner, np.arange(q)), windows)


def _chosen(places: minimize.Places, windows: int) -> minimize.Places:
    """The lowest of each window, of as many each."""
    each = places.owner.size // windows
    return places.taken(np.arange(windows) * each + places.loss.reshape(windows, each).argmin(axis=1))


def _mode(block: Block, start: minimize.Places, iterations: int) -> minimize.Places:
    """The modes that are reached from there; their curvature is that of the Gaussians there (Laplace)."""
    best = np.full(len(block), np.inf)
    return minimize.descend(block, start, np.arange(len(block.space)), iterations, best)


def _resolved(profile: Profile, parameter: Parameter, quantiles: Array, floor: float) -> bool:
    """Whether the window determines the parameter, and tells it from the lowest value that it may have."""
    low, high = parameter.low, parameter.high
    span = np.interp([0.05, 0.95], QUANTILE_LEVELS, quantiles)
    narrow = bool(span[1] - span[0] <= _INFORMED * 0.9 * (high - low))
    if low != 0 and not floor > 0:
        return narrow  # nought is not its lowest value: a place or a pressure is never absent
    lowest = max(floor, low) if floor > 0 else low  # a floor of 0 says: none
    below = profile.loss[profile.theta <= lowest]
    return narrow and bool(below.min() - profile.loss.min() > _REJECTED)


def _match(block: Block, k: int, quantiles: Array, mode: Array, covariance: Array) -> None:
    """Sets mean and deviation of one parameter of the Gaussians to those of its marginals (W, levels)."""
    levels = np.array([np.interp([0.16, 0.5, 0.84], QUANTILE_LEVELS, each) for each in quantiles])
    low, middle, high = block.to_latent(k, levels).T
    scale = np.maximum((high - low) / 2, 1e-6) / np.sqrt(covariance[:, k, k])
    mode[:, k] = middle
    covariance[:, k] *= scale[:, None]
    covariance[:, :, k] *= scale[:, None]
