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


@dataclass(frozen=True)
class Tangent:
    """Predictions of m observables beside some points, and their derivatives by q parameters, SI.

    prediction: (..., m); slope: (..., q, m), or what broadcasts to it
    spread, spread_slope: of one standard deviation of the predictions, alike; None where they are certain
    """

    prediction: Array
    slope: Array
    spread: Array | None = None
    spread_slope: Array | None = None


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
