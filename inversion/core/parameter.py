"""Hidden parameters and the unbounded latent space they are inferred in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sensors.units import from_si, si_unit, to_si

Array = NDArray[np.float64]

#: A logistic function of 1.702 z is the normal distribution function of z to within 0.0095
#: (Haley 1952; Camilli, J. Educ. Stat. 19 (1994) 293), so z ~ N(0, 1) means a uniform parameter to 1 %.
LOGISTIC = 1.702
_EDGE = 1e-9  # a parameter at its bound maps to a large finite latent value


@dataclass(frozen=True)
class Parameter:
    """One hidden quantity.

    unit: SI; shown: the unit people use (`mm`, `g`), for tables, limits and findings
    low, high: SI, the range of the prior, which is uniform on it
    nuisance: inferred and marginalised, never shown
    irreversible: it never falls, unless by a repair: damage. What is foretold of it supposes so
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    shown: str = ""
    nuisance: bool = False
    irreversible: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"{self.name}: low must be below high, got {self.low} and {self.high} {self.unit}")
        if si_unit(self.unit) != self.unit:
            raise ValueError(f"{self.name}: unit must be SI, got {self.unit!r}")
        shown = self.shown or self.unit
        if si_unit(shown) != self.unit:
            raise ValueError(f"{self.name}: shown unit {shown!r} does not measure {self.unit!r}")
        object.__setattr__(self, "shown", shown)

    def to_shown(self, value: float) -> float:
        """SI to the unit people see."""
        return float(from_si(float(value), self.shown))

    def from_shown(self, value: float) -> float:
        """The unit people see to SI."""
        return float(to_si(float(value), self.shown))


@dataclass(frozen=True)
class ParameterSpace:
    """The parameters of one forward model, and the map between theta (bounded, SI) and z (latent, unbounded).

    theta = low + (high - low) / (1 + exp(-1.702 z)), element by element; the prior is z ~ N(0, I).
    """

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        if len(set(names)) != len(names):
            raise ValueError(f"parameter names must differ, got {names}")

    def __len__(self) -> int:
        return len(self.parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names, in the order of the vector."""
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """Lower and upper bound, SI, of those that are no nuisance, by name."""
        return {parameter.name: (parameter.low, parameter.high) for parameter in self if not parameter.nuisance}

    @cached_property
    def low(self) -> Array:
        """(p,) lower bounds, SI."""
        return np.array([parameter.low for parameter in self.parameters], dtype=np.float64)

    @cached_property
    def high(self) -> Array:
        """(p,) upper bounds, SI."""
        return np.array([parameter.high for parameter in self.parameters], dtype=np.float64)

    @cached_property
    def span(self) -> Array:
        """(p,) widths of the ranges, SI."""
        return self.high - self.low

    @cached_property
    def nothing(self) -> Array:
        """(p,) zeros: numpy is quicker with an array than with a number."""
        return np.zeros(len(self))

    def index(self, name: str) -> int:
        """Position of a parameter. Raises KeyError with the names there are."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(f"no parameter {name!r}, there are: {', '.join(self.names)}") from None

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[self.index(name)]

    def to_latent(self, theta: Array) -> Array:
        """(..., p) theta to (..., p) latent; values outside the bounds are taken as at them."""
        share = np.minimum(np.maximum((np.asarray(theta) - self.low) / self.span, _EDGE), 1 - _EDGE)
        latent: Array = np.log(share / (1 - share)) / LOGISTIC
        return latent

    def from_latent(self, latent: Array) -> Array:
        """(..., p) latent to (..., p) theta."""
        bounded = np.minimum(np.maximum(np.asarray(latent) * -LOGISTIC, -60.0), 60.0)
        theta: Array = self.low + self.span / (1 + np.exp(bounded))
        return np.minimum(theta, self.high)  # the sum may round beyond it
