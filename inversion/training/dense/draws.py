"""Windows of one machine's fitted model: states drawn from its prior, features with its noise; no recording is seen.

A real machine does not keep to its model: one channel gets louder and the other does not, or all are quieter than they
ever were. So in a share of the windows some features are those of another state of the machine; and among those that
are only learnt from many are near the ends of the range, and far from what noise explains. What is right there, least
squares says; windows that are judged by are as the model has them, but for the strays, which are told apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core import Features
from inversion.forward.empirical import Empirical
from inversion.training.network.recipe import Recipe
from sensors import Quality

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_STRANGE = 0.4  # of the windows to learn from
_FAR = math.log(30)  # by how much noise may be larger there


@dataclass(frozen=True)
class Drawn:
    """n windows. theta: (n, p) SI of the parameters that are no nuisance

    strayed: (n,) whether some features are not those of theta; strange: (n,) whether it is only good to learn from
    """

    features: Features
    theta: Array
    strayed: Flags
    strange: Flags

    def __len__(self) -> int:
        return len(self.theta)


def draw_windows(model: Empirical, recipe: Recipe, judged: Flags) -> Drawn:
    """All windows of a recipe, the same each time; in noise of Student's t where the recipe's solver expects it.

    judged: (n,) those that are not learnt from
    """
    data, space = recipe.data, model.space
    n, d, p = data.windows, len(model.observables), len(model.space)
    rng = np.random.default_rng([recipe.network.seed, 1])
    strange = ~judged & (rng.random(n) < _STRANGE)
    share, other = rng.random((n, p)), rng.random((n, p))
    share = np.where(strange[:, None], _near_ends(share, rng), share)
    theta, other = (space.low + (space.high - space.low) * each for each in (share, other))
    conditions = _conditions(model, data.conditions, n, rng)
    standard = model.fit.surface.mean(np.concatenate([theta, conditions], axis=1))
    stray = _some(rng, n, d, data.strays)
    standard = np.where(stray, model.fit.surface.mean(np.concatenate([other, conditions], axis=1)), standard)
    raw = np.where(_some(rng, n, d, data.sensor_faults), np.nan, standard * model.fit.scale + model.fit.offset)
    values, std, given = (np.array(part) for part in zip(*map(model.whiten, raw, conditions), strict=True))
    seen = np.isfinite(std)
    least, most = map(math.log, data.noise_levels)
    level, far = rng.uniform(least, most, n), rng.uniform(0, _FAR, n) * strange
    deviation = np.hypot(np.where(seen, std, 0.0), model.spread(theta, given)) * np.exp(level + far)[:, None]
    noise = rng.standard_normal((n, d)) if np.isinf(recipe.solver.t) else rng.standard_t(recipe.solver.t, (n, d))
    values = np.where(seen, values + deviation * noise, 0.0)
    nothing = np.full((n, d), -np.inf)
    features = Features(values, std, nothing, given, (Quality.GOOD,) * n, ("",) * n)
    shown = [not each.nuisance for each in space]
    return Drawn(features, theta[:, shown], np.any(stray, axis=1), strange)


def _near_ends(share: Array, rng: np.random.Generator) -> Array:
    """Shares of the range of which many are near one end."""
    near = share**4
    return np.where(rng.random(share.shape) < 0.5, near, 1 - near)


def _conditions(model: Empirical, asked: tuple[tuple[float, float], ...], n: int, rng: np.random.Generator) -> Array:
    """(n, c) over the ranges that the model was fitted on, or those of the recipe."""
    p = len(model.space)
    center, half = model.fit.surface.center[p:], model.fit.surface.scale[p:]
    low, high = np.array(asked).T if asked else (center - half, center + half)
    if len(low) != len(center):
        raise ValueError(f"conditions must hold a range for each of {len(center)}, got {len(low)}")
    return rng.uniform(low, high, (n, len(center)))


def _some(rng: np.random.Generator, n: int, d: int, share: float) -> Flags:
    """(n, d) in a share of the rows some of the columns, never all."""
    chosen = rng.random((n, 1)) < share
    first, many = rng.permuted(np.tile(np.arange(d), (n, 1)), axis=1), rng.integers(1, max(d, 2), (n, 1))
    flags: Flags = chosen & (first < many) & (d > 1)
    return flags
