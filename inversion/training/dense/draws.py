"""Windows of one machine's model: states drawn from its prior, nuisances too, and what it would observe of them.

A real machine does not keep to its model: one channel gets louder and the other does not, or all are quieter than they
ever were. So in a share of the windows some features are those of another state of the machine; and among those that
are only learnt from many are near the ends of the range, and far from what noise explains. What is right there, least
squares says; windows that are judged by are as the model has them, but for the strays, which are told apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inversion.core import Features, ForwardModel
from inversion.core.drawing import Drawing, Records, Sensing
from inversion.core.spread import Spreading
from inversion.store.card import count_conditions
from inversion.training.network.recipe import Data, Recipe
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

    @cached_property
    def usable(self) -> Flags:
        """(n,) whether an engine would look at the window at all."""
        f = self.features
        told = np.array([quality is not Quality.BAD for quality in f.quality], dtype=np.bool_)
        usable: Flags = told & f.observed.any(axis=1) & np.isfinite(f.conditions).all(axis=1)
        return usable


@dataclass(frozen=True)
class Stated:
    """Any forward model that does not draw by itself, as a recipe states it.

    varied: (c, 2) SI, ranges of its conditions; deviations: (d,) SI, of the observables
    """

    model: ForwardModel
    varied: Array
    deviations: Array

    @property
    def parts(self) -> int:
        """The observables."""
        return len(self.model.observables)

    @property
    def in_time(self) -> bool:
        """No: what it predicts are observables."""
        return False

    def draw(self, theta: Array, varied: Array, sensing: Sensing, rng: np.random.Generator) -> Features:
        """Predictions with noise; of a model that may be off by itself, with that."""
        model, n = self.model, len(theta)
        values = np.where(
            sensing.stray, model.simulate(sensing.other, varied), np.asarray(model.simulate(theta, varied))
        )
        spread = model.spread(theta, varied) if isinstance(model, Spreading) else 0.0
        deviation = np.hypot(self.deviations, spread) * sensing.noise[:, None]
        values = np.where(sensing.lost, 0.0, values + deviation * sensing.deviates(rng, self.parts))
        std = np.where(sensing.lost, np.inf, self.deviations)
        return Features(values, std, np.full(std.shape, -np.inf), varied, (Quality.GOOD,) * n, ("",) * n)


def drawing_of(model: ForwardModel, data: Data) -> Drawing:
    """What draws the windows of a model: itself, or what a recipe states. Raises ValueError, key and complaint."""
    asked = np.array(data.conditions, dtype=np.float64).reshape(-1, 2)
    if isinstance(model, Drawing):
        if data.deviations:
            raise ValueError(f"deviations: {type(model).__name__} knows its noise itself, take the key out")
        if len(asked) not in (0, len(model.varied)):
            raise ValueError(
                f"conditions: expected a range for each of {len(model.varied)} conditions, found {len(asked)}"
            )
        return model
    c, d, name = count_conditions(model), len(model.observables), type(model).__name__
    if len(asked) != c:
        raise ValueError(f"conditions: expected a range for each of {c} conditions of {name}, found {len(asked)}")
    if len(data.deviations) not in (1, d):
        raise ValueError(
            f"deviations: {name} does not tell its noise, expected one standard deviation (SI) or one for each of its "
            f"{d} observables, found {len(data.deviations)}"
        )
    return Stated(model, asked, np.broadcast_to(np.array(data.deviations, dtype=np.float64), (d,)))


@dataclass(frozen=True)
class Plan:
    """What n windows show, before anything is sensed. theta: (n, p) SI, nuisances too; varied: (n, v); strange: (n,)"""

    drawing: Drawing
    theta: Array
    varied: Array
    sensing: Sensing
    strange: Flags
    rng: np.random.Generator

    def features(self, rows: slice, rng: np.random.Generator) -> Features:
        """What is observed of some of them."""
        return self.drawing.draw(self.theta[rows], self.varied[rows], self.sensing.take(rows), rng)

    def drawn(self, features: Features, shown: list[bool]) -> Drawn:
        """All of them. shown: which parameters are no nuisance"""
        return Drawn(features, self.theta[:, shown], np.any(self.sensing.stray, axis=1), self.strange)


def planned(model: ForwardModel, recipe: Recipe, judged: Flags) -> Plan:
    """All windows of a recipe, the same each time; in noise of Student's t where the recipe's solver expects it.

    judged: (n,) those that are not learnt from. Raises ValueError, see `drawing_of`.
    """
    data, space, drawing = recipe.data, model.space, drawing_of(model, recipe.data)
    n, m, p = data.windows, drawing.parts, len(model.space)
    rng = np.random.default_rng([recipe.network.seed, 1])
    strange = ~judged & (rng.random(n) < _STRANGE)
    share, other = rng.random((n, p)), rng.random((n, p))
    share = np.where(strange[:, None], _near_ends(share, rng), share)
    theta, other = (space.low + (space.high - space.low) * each for each in (share, other))
    low, high = (np.array(data.conditions) if data.conditions else drawing.varied).T
    varied = rng.uniform(low, high, (n, len(low)))
    stray, lost = _some(rng, n, m, data.strays), _some(rng, n, m, data.sensor_faults)
    least, most = map(math.log, data.noise_levels)
    level, far = rng.uniform(least, most, n), rng.uniform(0, _FAR, n) * strange
    records = Records(data.sample_rates, data.revolutions, data.ratio_db)
    sensing = Sensing(other, stray, lost, np.exp(level + far), recipe.solver.t, records)
    return Plan(drawing, theta, varied, sensing, strange, rng)


def draw_windows(model: ForwardModel, recipe: Recipe, judged: Flags) -> Drawn:
    """The windows of a plan, in one go."""
    plan = planned(model, recipe, judged)
    return plan.drawn(plan.features(slice(None), plan.rng), [not each.nuisance for each in model.space])


def _near_ends(share: Array, rng: np.random.Generator) -> Array:
    """Shares of the range of which many are near one end."""
    near = share**4
    return np.where(rng.random(share.shape) < 0.5, near, 1 - near)


def _some(rng: np.random.Generator, n: int, d: int, share: float) -> Flags:
    """(n, d) in a share of the rows some of the columns, never all."""
    chosen = rng.random((n, 1)) < share
    first, many = rng.permuted(np.tile(np.arange(d), (n, 1)), axis=1), rng.integers(1, max(d, 2), (n, 1))
    flags: Flags = chosen & (first < many) & (d > 1)
    return flags
