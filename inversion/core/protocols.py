"""The doors between the floors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inversion.core.estimate import Answered, Estimate
from inversion.core.features import Features
from inversion.core.parameter import ParameterSpace
from sensors import Frame

Array = NDArray[np.float64]


class ForwardModel(Protocol):
    """Both halves of the comparison: what would be observed, and what is. A frozen dataclass; fields configure it."""

    @property
    def space(self) -> ParameterSpace:
        """The hidden parameters."""
        ...

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of the d features."""
        ...

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that a frame must hold."""
        ...

    def simulate(self, theta: Array, conditions: Array) -> Array:
        """Predicted features: (..., p) SI and (..., c) to (..., d), vectorised."""
        ...

    def observe(self, frames: Sequence[Frame]) -> Features:
        """The same d features, measured. Bad data become quality and reason, never an exception."""
        ...

    def floor(self, conditions: Array) -> Array:
        """(c,) to (p,) SI: the smallest value of each parameter that these conditions can resolve, 0 where none."""
        ...


@runtime_checkable
class AffineModel(Protocol):
    """A forward model whose predictions are linear in its parameters, up to an offset, and that says so. Optional."""

    def affine(self, conditions: Array) -> tuple[Array, Array]:
        """(c,) to (d, p) and (d,), SI: simulate(theta, conditions) = matrix @ theta + offset."""
        ...


@runtime_checkable
class Cautious(Protocol):
    """A forward model that knows, before anything is measured, what people should know of its answers. Optional."""

    @property
    def cautions(self) -> tuple[str, ...]:
        """One line each; empty where there is nothing to say."""
        ...


@runtime_checkable
class Fitted(Protocol):
    """A forward model of one machine, learnt or configured: two that look alike may predict differently. Optional."""

    @property
    def identity(self) -> str:
        """Changes with anything that it predicts or weighs by."""
        ...


class Inverter(Protocol):
    """Features to estimates."""

    def invert(self, features: Features) -> list[Estimate]:
        """One estimate a frame; bad data are said in `fit`, never raised."""
        ...


@runtime_checkable
class Adaptive(Protocol):
    """An inverter that can answer at several precisions, the first of them the best. Optional."""

    @property
    def precisions(self) -> tuple[str, ...]:
        """Such as ("full", "lite"); one or none where there is nothing to choose."""
        ...

    @property
    def budget_s(self) -> float:
        """What one window may take, from its samples to its finding, before a lower precision is taken."""
        ...

    def at(self, precision: str) -> Inverter:
        """The same inverter, answering at this precision. Raises ValueError for one that it has not."""
        ...


@runtime_checkable
class Trained(Protocol):
    """An inverter that answers by networks, and says which. Optional."""

    @property
    def networks(self) -> tuple[Answered, ...]:
        """Its networks, at each precision."""
        ...


class Engine(Protocol):
    """A way to invert. A frozen dataclass; its fields configure it."""

    def bind(self, model: ForwardModel) -> Inverter:
        """An inverter for this model. Raises ModelError when they do not fit."""
        ...


@runtime_checkable
class Warming(Protocol):
    """A model or an engine that can do beforehand what its first window, or `bind`, would wait for. Optional."""

    def warm(self) -> None:
        """Reads, imports and computes, but starts no thread: workers are forked from what it leaves behind."""
        ...


class Sink(Protocol):
    """Where findings go. A frozen dataclass; its fields configure it."""

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Deliver findings in their JSON contract, in order. Raises on failure; the gateway retries and counts."""
        ...
