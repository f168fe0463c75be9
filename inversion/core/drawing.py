"""How a forward model draws what it would observe, so that networks can be trained for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inversion.core.features import Features

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Records:
    """What a record in time is drawn from: Hz, one of these; revolutions and ratio over the noise, dB, from ranges."""

    sample_rates: tuple[float, ...]
    revolutions: tuple[float, float]
    ratio_db: tuple[float, float]


@dataclass(frozen=True)
class Sensing:
    """How n windows are sensed, in m parts (`Drawing.parts`).

    other: (n, p) SI, another state of the machine; stray: (n, m) which parts show that one instead
    lost: (n, m) which parts are not sensed; a model that can say nothing without all of them need not lose any
    noise: (n,) factor on the deviations of what is sensed; freedom: of Student's t, infinite where it is normal
    records: of models that simulate in time
    """

    other: Array
    stray: Flags
    lost: Flags
    noise: Array
    freedom: float
    records: Records

    def take(self, rows: slice) -> Sensing:
        """Of some of the windows."""
        parts = (self.other[rows], self.stray[rows], self.lost[rows], self.noise[rows])
        return Sensing(*parts, self.freedom, self.records)

    def deviates(self, rng: np.random.Generator, d: int) -> Array:
        """(n, d) of deviation one, in normal terms."""
        shape = (len(self.noise), d)
        return rng.standard_normal(shape) if np.isinf(self.freedom) else rng.standard_t(self.freedom, shape)


@runtime_checkable
class Drawing(Protocol):
    """A forward model that can draw what it would observe of a machine in known states. Optional.

    Of any other one a recipe states the conditions and the deviations of the observables.
    """

    @property
    def parts(self) -> int:
        """m, how many parts of a window are sensed by themselves: channels, sensors or features."""
        ...

    @property
    def varied(self) -> Array:
        """(v, 2) SI, ranges of what differs from window to window beside the parameters, such as the speed."""
        ...

    @property
    def in_time(self) -> bool:
        """Whether records are simulated and observed, which takes long."""
        ...

    def draw(self, theta: Array, varied: Array, sensing: Sensing, rng: np.random.Generator) -> Features:
        """What is observed of n windows, noise and all. theta: (n, p) SI; varied: (n, v)."""
        ...
