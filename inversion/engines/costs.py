"""What misfits cost, nats: squared, of censored values by their probability, or robust."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inversion.engines.censored import loss_below, stayed_below

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Arrays = tuple[Array, Array, Array, Array]

_TINY = 1e-36


class Costs(NamedTuple):
    """Of misfits (...), each a whitened residual.

    nats: of each; pull: their first derivative
    weight: the Gauss-Newton curvature, the square of the derivative of the cost's root; bend: the second derivative,
        where that is known not to be negative, else as `weight`. None, of both: one
    """

    nats: Array
    pull: Array
    weight: Array | None
    bend: Array | None


def plain(misfit: Array, censored: Mask) -> Costs:
    """Of normal errors; of a censored value what it costs that it stayed below its limit."""
    if not censored.any():
        return Costs(0.5 * misfit * misfit, misfit, None, None)
    if censored.all():
        return Costs(*_one_sided(misfit))
    found = _one_sided(np.where(censored, misfit, 0.0))
    return _merged(censored, found, (0.5 * misfit * misfit, misfit, 1.0, 1.0))


def plain_nats(misfit: Array, censored: Mask) -> Array:
    """What misfits cost `plain`, to the bit."""
    if not censored.any():
        return 0.5 * misfit * misfit
    if censored.all():
        return loss_below(-misfit)
    return np.where(censored, loss_below(np.where(censored, -misfit, 0.0)), 0.5 * misfit * misfit)


def robust(misfit: Array, censored: Mask, freedom: float) -> Costs:
    """Of errors that follow Student's t distribution; a censored value costs what it costs `plain`."""
    squared = misfit * misfit
    nats = (freedom + 1) / 2 * np.log1p(squared / freedom)
    pull = (freedom + 1) * misfit / (freedom + squared)
    flat = (freedom + 1) / freedom  # at nought
    weight = np.where(squared < _TINY, flat, pull * pull / np.maximum(2 * nats, _TINY))
    if not censored.any():
        return Costs(nats, pull, weight, weight)
    found = _one_sided(np.where(censored, misfit, 0.0))
    return _merged(censored, found, (nats, pull, weight, weight))


def _merged(censored: Mask, of_limits: Arrays, of_values: tuple[Array, Array, Array | float, Array | float]) -> Costs:
    nats, pull, weight, bend = (np.where(censored, *each) for each in zip(of_limits, of_values, strict=True))
    return Costs(nats, pull, weight, bend)


def _one_sided(misfit: Array) -> Arrays:
    nats, pull, bend = stayed_below(-misfit)
    weight = pull * pull
    weight /= nats
    weight *= 0.5
    return nats, pull, weight, bend
