"""Models for tests of engines: (x, y) through a matrix times the condition, and x as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inversion.core import Features, Parameter, ParameterSpace
from sensors import Quality

X, Y = Parameter("x", "1", 0.0, 10.0, "any"), Parameter("y", "1", 0.0, 10.0, "any")
TWO, ONE = ParameterSpace((X, Y)), ParameterSpace((X,))
MATRIX = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])


@dataclass(frozen=True)
class Scale:
    """Seen as x, y and x - y, times the condition."""

    space: ParameterSpace = TWO
    observables: tuple[str, ...] = ("u", "v", "w")
    channels: tuple[str, ...] = ()

    def floor(self, conditions):
        return np.zeros(len(self.space))

    def observe(self, frames):
        return watched(np.zeros((0, len(self.observables))))

    def simulate(self, theta, conditions):
        return (theta @ MATRIX.T) * np.asarray(conditions)[..., :1]

    def affine(self, conditions):
        return MATRIX * conditions[0], np.zeros(3)


@dataclass(frozen=True)
class Plain(Scale):
    """x, seen as it is."""

    space: ParameterSpace = ONE
    observables: tuple[str, ...] = ("u",)

    def simulate(self, theta, conditions):
        return np.asarray(theta)


def watched(values, quality=Quality.GOOD, reason="", condition=1.0) -> Features:
    """Features of these values, each with a deviation of a tenth."""
    values = np.atleast_2d(np.asarray(values, dtype=float))
    n = len(values)
    return Features(
        values,
        np.full(values.shape, 0.1),
        np.full(values.shape, -np.inf),
        np.full((n, 1), condition),
        (quality,) * n,
        (reason,) * n,
    )
