"""The observation is the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inversion.core import Estimate, Features, Fit, ForwardModel, prior_estimate
from sensors import Quality


@dataclass(frozen=True)
class Direct:
    """Takes the features for the parameters."""

    def bind(self, model: ForwardModel):
        """An inverter for a model whose observables are its parameters."""
        return _Inverter(model)


@dataclass(frozen=True)
class _Inverter:
    model: ForwardModel

    def invert(self, features: Features) -> list[Estimate]:
        return [self._one(features, i) for i in range(len(features))]

    def _one(self, features: Features, i: int) -> Estimate:
        space, floor = self.model.space, self.model.floor(features.conditions[i])
        fit = Fit(features.quality[i], 1.0, features.reasons[i])
        if fit.quality is Quality.BAD:
            return prior_estimate(space, floor, fit)
        mean = space.to_latent(features.values[i])
        std = np.abs(space.to_latent(features.values[i] + features.std[i]) - mean)
        return Estimate(space, mean, np.diag(std**2), floor, (True,) * len(space), fit)
