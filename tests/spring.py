"""A model of a third party that knows nothing of drawing, for networks whose recipe states what it does not tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inversion.core import Features, Parameter, ParameterSpace
from sensors import Quality


@dataclass(frozen=True)
class Spring:
    """A force bends a spring, the more the warmer it is; how much play it has is a nuisance. least: N"""

    identity: str = "soft"
    least: float = 1.0
    observables: tuple[str, ...] = ("bend", "turn")
    channels: tuple[str, ...] = ("bend", "turn", "temperature")

    @property
    def space(self):
        slack = Parameter("slack", "m", 0.0, 1.0, "play", nuisance=True)
        return ParameterSpace((Parameter("force", "N", self.least, 9.0, "pull"), slack))

    def simulate(self, theta, conditions):
        theta, conditions = np.asarray(theta), np.asarray(conditions)
        bend = theta[..., 0] * (1 + 0.01 * conditions[..., 0]) + theta[..., 1]
        return np.stack([bend, theta[..., 0] + 0 * bend], axis=-1)

    def observe(self, frames):
        n = len(frames)
        return Features(*(np.zeros((n, k)) for k in (2, 2, 2, 1)), (Quality.BAD,) * n, ("nothing",) * n)

    def floor(self, conditions):
        return np.zeros(2)
