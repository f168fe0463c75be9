"""What a forward model may tell an engine beyond its predictions: how they change, and which parameter moves which.

Both are optional. An engine differentiates and tries out for itself what a model does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]


class Slopes(Protocol):
    """Derivatives (..., q, m) of m observables by q parameters, of which only sums over the observables are asked for.

    Each sum is made point by point: it is the same, to the bit, whatever points are beside it.
    """

    def written(self) -> Array:
        """(..., q, m) all of them."""
        ...

    def pulled(self, pull: Array) -> Array:
        """(..., q) sums of the derivatives, each times the pull (..., m) of its observable."""
        ...

    def products(self, weight: Array) -> Array:
        """(..., q, q) sums of the products of two derivatives, weighted by (..., m)."""
        ...


@dataclass(frozen=True)
class Tangent:
    """Predictions of m observables beside some points, and their derivatives by q parameters, SI.

    prediction: (..., m); slope: (..., q, m), or what broadcasts to it; or `Slopes`, of predictions that are certain
    spread, spread_slope: of one standard deviation of the predictions, alike; None where they are certain
    """

    prediction: Array
    slope: Array | Slopes
    spread: Array | None = None
    spread_slope: Array | None = None

    def written(self) -> Array:
        """The derivatives, written down where they were not."""
        return self.slope if isinstance(self.slope, np.ndarray) else self.slope.written()


@runtime_checkable
class Differentiable(Protocol):
    """A forward model that knows its derivatives. Optional; what it says must agree with `simulate` and `spread`."""

    def tangent(self, theta: Array, conditions: Array, parameters: Index, observables: Index) -> Tangent:
        """Of some observables by some parameters. theta: (..., p) SI; conditions: (..., c), of as many points."""
        ...


@runtime_checkable
class Linked(Protocol):
    """A forward model that knows which of its parameters can move which observable. Optional."""

    def links(self) -> NDArray[np.bool_]:
        """(p, d), False where the observable is the same whatever the parameter and the conditions are."""
        ...
