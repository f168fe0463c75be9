"""What a filter must suppose before it can learn it: how a parameter grows, and which errors windows share.

Nobody knows the law of growth beforehand, so several are followed at once and weighed by how well each foretold the
windows (multiple models; Magill, IEEE Trans. Autom. Control 10 (1965) 434). A law is a coordinate x in which growth
has a steady rate: the parameter itself (constant growth), its logarithm (exponential growth), or the latent value,
which has no rate but wanders. Stop-and-go growth keeps its rate on average and comes in lumps: the variance of what
is gained is the gain times the size of a lump.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import product

import numpy as np
from numpy.typing import NDArray

from inversion.core.parameter import LOGISTIC

Array = NDArray[np.float64]

#: Share of the range that a level may have within a law: nearer to a bound, latent values mean nothing.
EDGE = 1e-6


class Law(IntEnum):
    """The coordinate in which growth has a steady rate; w is the parameter as a share of its range."""

    CONSTANT = 0  # w
    EXPONENTIAL = 1  # log w
    ACCELERATING = 2  # -1 / w: growth by the square of what is there, as of a crack under the law of Paris
    WANDERING = 3  # the latent value; no rate


@dataclass(frozen=True)
class Growth:
    """One way to grow.

    lump: what stop-and-go growth gains at once, as a share of what the coordinate gains between an eighth and three
    eighths of the range; pace: how much faster than the site says; weight: before any window
    """

    law: Law
    lump: float
    pace: float
    weight: float


_STEADY = (Law.CONSTANT, Law.EXPONENTIAL, Law.ACCELERATING)
#: Slow, as the site says, and much faster: a fast one is believed once it shows.
_PACES = ((1 / 30, 0.35), (1.0, 0.55), (30.0, 0.1))
_LUMPS = ((0.1, 0.7), (0.3, 0.3))
GROWTHS = (
    *(Growth(law, 0.0, pace, 0.4 * weight) for law in _STEADY for pace, weight in _PACES),
    *(Growth(law, lump, 1.0, 0.4 * weight) for law in _STEADY for lump, weight in _LUMPS),
    *(Growth(Law.WANDERING, 0.0, pace, 0.2 * weight) for pace, weight in _PACES),
)
#: Shares of a window's error variance that all windows have in common, and the weight of each before any window.
SHARES = ((0.02, 0.4), (0.35, 0.2), (0.7, 0.2), (0.95, 0.2))
#: What each coordinate gains between an eighth and three eighths of the range, and a latent unit at a quarter.
_TRAVEL = {Law.CONSTANT: 0.25, Law.EXPONENTIAL: 1.1, Law.ACCELERATING: 5.3, Law.WANDERING: 0.0}
_SLOPE = {Law.CONSTANT: 0.32, Law.EXPONENTIAL: 1.28, Law.ACCELERATING: 5.1, Law.WANDERING: 0.0}


@dataclass(frozen=True)
class Hypotheses:
    """All combinations, (m,) each.

    law; lump: in the law's coordinate; wander: latent variance a day; pace: deviation of the rate before any window,
    of the coordinate a day; shared: share of the error variance that windows have in common; weight: sums to one
    """

    law: NDArray[np.int_]
    lump: Array
    wander: Array
    pace: Array
    shared: Array
    weight: Array


def hypotheses(growth: float, shared: float | None) -> Hypotheses:
    """What is supposed of a parameter that gains `growth` latent units in a day; shared: None where it is learned."""
    shares = SHARES if shared is None else ((shared, 1.0),)
    rows = [
        (
            float(way.law),
            way.lump * _TRAVEL[way.law],
            (growth * way.pace) ** 2 if way.law is Law.WANDERING else 0.0,
            growth * way.pace * _SLOPE[way.law],
            share,
            way.weight * weight,
        )
        for way, (share, weight) in product(GROWTHS, shares)
    ]
    law, lump, wander, pace, share, weight = np.array(rows).T
    return Hypotheses(law.astype(int), lump, wander, pace, share, weight / weight.sum())


def coordinate(law: NDArray[np.int_], latent: Array) -> tuple[Array, Array]:
    """(m,) x of a latent value under each law, and (m,) dx/dz."""
    share = _share(latent)
    slope = LOGISTIC * share * (1 - share)
    x = np.choose(law, [share, np.log(share), -1 / share, latent])
    return x, slope * np.choose(law, [1.0, 1 / share, share**-2, 1 / slope])


def latent_of(law: NDArray[np.int_], x: Array) -> Array:
    """(m,) latent value of each x; the inverse of `coordinate`."""
    exponential, accelerating = law == Law.EXPONENTIAL, law == Law.ACCELERATING
    share = np.where(exponential, np.exp(np.where(exponential, np.minimum(x, 0.0), 0.0)), x)
    share = np.where(accelerating, -1 / np.where(accelerating, np.minimum(x, -1.0), -1.0), share)
    share = np.clip(share, EDGE, 1 - EDGE)
    latent: Array = np.where(law == Law.WANDERING, x, np.log(share / (1 - share)) / LOGISTIC)
    return latent


def range_slope(law: NDArray[np.int_], latent: Array) -> tuple[Array, Array]:
    """(m,) what one unit of the coordinate is, in ranges of the parameter, and (m,) how that changes with the unit."""
    share = _share(latent)
    one = np.choose(law, [1.0, share, share**2, LOGISTIC * share * (1 - share)])
    return one, np.choose(law, [0.0, share, 2 * share**3, 0.0])


def _share(latent: Array) -> Array:
    share: Array = np.clip(1 / (1 + np.exp(-LOGISTIC * latent)), EDGE, 1 - EDGE)
    return share
