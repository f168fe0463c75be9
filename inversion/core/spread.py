"""A forward model whose predictions are uncertain themselves."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@runtime_checkable
class Spreading(Protocol):
    """A forward model that knows how far its prediction may be off. Optional."""

    def spread(self, theta: Array, conditions: Array) -> Array:
        """One standard deviation of each prediction: (..., p) SI and (..., c) to (..., d), zero or more.

        It adds, as a variance, to `Features.std`; the width of the likelihood then depends on theta.
        """
        ...
