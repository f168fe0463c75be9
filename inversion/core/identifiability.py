"""What the data of a window can tell apart, whatever they say: singular values, directions and correlations.

In latent space the prior is a standard normal, so a posterior's precision is I + S' S, with S the sensitivity of the
whitened observables. A singular value of S is the prior's deviation along its direction over what the data alone would
leave of it: above 1 the data tell more than the range does, far below 1 they tell nothing (Tarantola, Inverse Problem
Theory, SIAM 2005, section 3.3; Hansen, Rank-Deficient and Discrete Ill-Posed Problems, SIAM 1998, section 1.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core.estimate import Estimate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Identifiability:
    """Of p parameters, nuisances among them.

    singular: (p,) descending; directions: (p, p), in row k the latent direction of the k-th singular value
    correlation: (p, p) of the posterior
    """

    names: tuple[str, ...]
    singular: Array
    directions: Array
    correlation: Array

    @property
    def seen(self) -> int:
        """Number of directions that the data tell better than the range does."""
        return int(np.count_nonzero(self.singular > 1))

    def alike(self, least: float) -> list[tuple[str, str, float]]:
        """Pairs whose posterior is correlated by at least that much either way, the most correlated first."""
        first, second = np.triu_indices(len(self.names), 1)
        found = [
            (self.names[i], self.names[j], float(self.correlation[i, j]))
            for i, j in zip(first.tolist(), second.tolist(), strict=True)
            if abs(self.correlation[i, j]) >= least
        ]
        return sorted(found, key=lambda pair: -abs(pair[2]))


def identifiability(estimates: Sequence[Estimate]) -> Identifiability:
    """Of the typical window: from the mean of the precisions of these estimates, at least one, all of one space."""
    precision = np.mean([np.linalg.inv(each.covariance) for each in estimates], axis=0)
    power, axes = np.linalg.eigh(0.5 * (precision + precision.T))
    covariance = (axes / power) @ axes.T
    scale = np.sqrt(np.diagonal(covariance))
    return Identifiability(
        estimates[0].space.names,
        np.sqrt(np.maximum(power - 1, 0.0))[::-1].copy(),
        axes.T[::-1].copy(),
        covariance / scale[:, None] / scale,
    )
