"""Derivatives of whitened residuals, and sums of them over the observables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core.tangent import Slopes, Tangent

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Written:
    """Derivatives (b, l, f, m) that are written down."""

    slope: Array

    def pulled(self, pull: Array) -> Array:
        """(b, l, f) sums of the derivatives, each times the pull (b, l, m) of its observable."""
        pulled: Array = np.matmul(self.slope, pull[..., None])[..., 0]
        return pulled

    def products(self, weight: Array | None) -> Array:
        """(b, l, f, f) sums of the products of two, weighted by (b, l, m), or alike.

        Always of an array with itself: another product may round otherwise.
        """
        weighted = self.slope if weight is None else self.slope * np.sqrt(weight)[..., None, :]
        products: Array = np.matmul(weighted, weighted.swapaxes(-1, -2))
        return products


@dataclass(frozen=True)
class Summed:
    """Derivatives of which a model tells sums only. precision: (b, 1, m) one over the deviation."""

    slopes: Slopes
    precision: Array

    def pulled(self, pull: Array) -> Array:
        """As of `Written`."""
        return self.slopes.pulled(pull * self.precision)

    def products(self, weight: Array | None) -> Array:
        """As of `Written`."""
        squared = self.precision * self.precision
        return self.slopes.products(squared if weight is None else weight * squared)


def whitened(tangent: Tangent, deviation: Array, misfit: Array, widening: Array | None) -> Written | Summed:
    """Of the misfits (b, l, m), whose deviations (b, 1 or l, m) may change by the widening (b, l, f, m)."""
    if not isinstance(tangent.slope, np.ndarray):
        return Summed(tangent.slope, 1 / deviation)
    slope = tangent.slope / deviation[..., None, :]
    if widening is not None:
        slope = slope - widening * misfit[..., None, :]
    return Written(np.ascontiguousarray(slope))  # in any company they add up alike
