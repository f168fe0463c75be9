"""How far a window lies from what a network was trained on, and what follows for its answer.

The distance is Mahalanobis' in the network's penultimate layer (Lee et al., Adv. Neural Inf. Process. Syst. 31 (2018)
7167-7177, section 2.1), over the root of the number of dimensions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.store.card import Misfit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MisfitScore:
    """A card's misfit as arrays. mean: (h,); whitening: (h, m), transposed."""

    mean: Array
    whitening: Array
    known: float
    threshold: float

    def distance(self, latent: Array) -> float:
        """(h,) to a number about 1 for windows like those trained on."""
        whitened = (latent - self.mean).dot(self.whitening).tolist()
        return math.hypot(*whitened) / math.sqrt(len(whitened))

    def widening(self, distance: float) -> float:
        """Factor for the intervals: one up to `known`, then in proportion; beyond `threshold` nothing holds."""
        return max(1.0, distance / self.known)

    def remark(self, distance: float) -> str:
        """What a finding says of it; empty where nothing."""
        if distance <= self.known:
            return ""
        if distance <= self.threshold:
            return (
                f"unlike most of what was trained on ({distance:.1f}, mostly below {self.known:.1f}): intervals widened"
            )
        return f"unlike anything trained on ({distance:.1f}, at most {self.threshold:.1f}): no answer"


def misfit_score(misfit: Misfit) -> MisfitScore:
    """Ready to use, from a card."""
    return MisfitScore(np.array(misfit.mean), np.array(misfit.whitening).T.copy(), misfit.known, misfit.threshold)


def learn_misfit(latent: Array, known: float = 0.99, threshold: float = 2.0) -> Misfit:
    """The misfit of a card, from (n, h) penultimate features of windows that were not trained on.

    known: quantile of their distances up to which an answer stands; threshold: withheld from so many times that
    """
    mean = latent.mean(axis=0)
    covariance = np.atleast_2d(np.cov(latent.T))
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-6 * max(values.max(), 1e-12)
    whitening = (vectors[:, kept] / np.sqrt(values[kept])).T
    distances = np.sqrt(np.mean(((latent - mean) @ whitening.T) ** 2, axis=1))
    edge = float(np.quantile(distances, known))
    rows = tuple(tuple(map(float, row)) for row in whitening)
    return Misfit(tuple(map(float, mean)), rows, edge, threshold * edge)
