"""A model that costs next to nothing: how loud a window is, which bounds the level and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inversion.core import Estimate, Features, Fit, ForwardModel, Parameter, ParameterSpace
from sensors import Frame


@dataclass(frozen=True)
class Loudness:
    """RMS of the acceleration."""

    @cached_property
    def space(self) -> ParameterSpace:
        """One parameter, `level`."""
        return ParameterSpace((Parameter("level", "m/s2", 0.0, 98.0665, "vibration level, RMS", "g"),))

    @property
    def observables(self) -> tuple[str, ...]:
        """One feature."""
        return ("rms",)

    @property
    def channels(self) -> tuple[str, ...]:
        """One channel."""
        return ("acceleration",)

    def simulate(self, theta: Any, conditions: Any) -> Any:
        """(..., 1) to (..., 1)."""
        return theta

    def observe(self, frames: Sequence[Frame]) -> Features:
        """RMS, (n, 1)."""
        samples = [frame.channels["acceleration"].samples for frame in frames]
        values = np.array([float(np.sqrt(each @ each / each.size)) for each in samples]).reshape(len(frames), 1)
        quality = tuple(frame.channels["acceleration"].quality for frame in frames)
        never = np.full_like(values, -np.inf)
        return Features(values, 0.02 * values + 1e-6, never, np.zeros((len(frames), 0)), quality, ("",) * len(frames))

    def floor(self, conditions: Any) -> Any:
        """(1,) zero."""
        return np.zeros(1)


@dataclass(frozen=True)
class Bound:
    """Takes the feature for the parameter. resolved: whether it is said to be known, so that it is tracked."""

    resolved: bool = False

    def bind(self, model: ForwardModel) -> _Inverter:
        """An inverter for one parameter."""
        return _Inverter(model, self.resolved)


@dataclass(frozen=True)
class _Inverter:
    model: ForwardModel
    resolved: bool

    def invert(self, features: Features) -> list[Estimate]:
        space = self.model.space
        mean = space.to_latent(features.values)
        std = space.to_latent(features.values + features.std) - mean
        return [
            Estimate(space, mean[i], std[i] ** 2 * np.eye(1), np.zeros(1), (self.resolved,), Fit(features.quality[i]))
            for i in range(len(features))
        ]
