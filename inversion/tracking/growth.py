"""What a filter must suppose before it can learn it: how a parameter grows, and which errors windows share.

Nobody knows the law of growth beforehand, so several are followed at once and weighed by how well each foretold the
windows (multiple models; Magill, IEEE Trans. Autom. Control 10 (1965) 434). A law is a coordinate x in which growth
has a steady rate: a power of the parameter, its logarithm, or the latent value, which has no rate but wanders. The
rate goes as the parameter to the power 0 (constant), 1 (exponential), 2 (accelerating, as a crack may under the law of
Paris) or -2 (decelerating, as wear that runs in). Stop-and-go growth keeps its rate on average and comes in lumps: the
variance of what is gained is the gain times the size of a lump.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from inversion.core.parameter import LOGISTIC

Array = NDArray[np.float64]

#: Share of the range that a level may have within a law: nearer to a bound, latent values mean nothing.
EDGE = 1e-6
_STEEPEST = 50.0  # of an exponent: what is beyond lies at the edge, and would be a warning in the log of a gateway
_LEAST_POWER = 1e-30  # below all that a share has to any power


class Law(IntEnum):
    """The coordinate in which growth has a steady rate; w is the parameter as a share of its range."""

    CONSTANT = 0  # w
    EXPONENTIAL = 1  # log w
    ACCELERATING = 2  # -1 / w
    DECELERATING = 3  # w^3
    WANDERING = 4  # the latent value; no rate


#: Plain numbers: to ask an enumeration for a member takes as long as to compare all hypotheses with it.
EXPONENTIAL, WANDERING = int(Law.EXPONENTIAL), int(Law.WANDERING)


STOP_AND_GO = "stop and go"
#: What a site may say is possible; stop and go is a way to go by any law that has a rate.
LAWS = (*(law.name.lower() for law in Law), STOP_AND_GO)


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


#: How fast is known least of all, so paces are a ladder of about equal weights: nearly a prior without a scale. A flat
#: one would take wear for fast until it is shown to be slow. The fastest is believed only once it shows.
_PACES = ((30.0, 0.06), (1.0, 0.22), (0.2, 0.24), (0.04, 0.24), (0.008, 0.24))
_STROLLS = ((30.0, 0.02), (1.0, 0.8), (0.03, 0.18))  # of a random walk, which the site's figure means first of all
_LUMP, _LUMPY = 0.05, 0.3  # size of a lump; share of the weight that stop-and-go growth has
_LUMPY_PACES = ((0.5, 0.5), (0.02, 0.5))
#: Nearly equal: nobody knows the law beforehand.
_WEIGHTS = {
    Law.CONSTANT: 0.23,
    Law.EXPONENTIAL: 0.25,
    Law.ACCELERATING: 0.28,
    Law.DECELERATING: 0.24,
    Law.WANDERING: 0.12,
}
GROWTHS = (
    *(
        Growth(law, 0.0, pace, (1 - _LUMPY) * _WEIGHTS[law] * weight)
        for law in list(Law)[:4]
        for pace, weight in _PACES
    ),
    *(
        Growth(law, _LUMP, pace, _LUMPY * _WEIGHTS[law] * weight)
        for law in list(Law)[:4]
        for pace, weight in _LUMPY_PACES
    ),
    *(Growth(Law.WANDERING, 0.0, pace, _WEIGHTS[Law.WANDERING] * weight) for pace, weight in _STROLLS),
)
#: Shares of a window's error variance that all windows have in common, and the weight of each before any window. Thirty
#: windows tell a share of none from one of a third no better than by one deviation, so both are covered by 0.45.
SHARES = ((0.003, 0.32), (0.45, 0.34), (0.7, 0.17), (0.95, 0.17))
#: What each coordinate gains between an eighth and three eighths of the range, and by a latent unit at a quarter.
_TRAVEL = {Law.CONSTANT: 0.25, Law.EXPONENTIAL: 1.1, Law.ACCELERATING: 5.3, Law.DECELERATING: 0.051, Law.WANDERING: 0.0}
_SLOPE = {Law.CONSTANT: 0.32, Law.EXPONENTIAL: 1.28, Law.ACCELERATING: 5.1, Law.DECELERATING: 0.06, Law.WANDERING: 0.0}


@dataclass(frozen=True, eq=False)
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

    @cached_property
    def forms(self) -> Forms:
        """Of their laws."""
        return forms_of(self.law)

    def at(self, places: NDArray[np.intp]) -> Hypotheses:
        """Those at these places."""
        return Hypotheses(*(getattr(self, each.name)[places] for each in fields(self)))


def hypotheses(growth: float, shared: float | None, laws: Sequence[str] = LAWS) -> Hypotheses:
    """What is supposed of a parameter that gains `growth` latent units in a day.

    shared: None where it is learned; laws: names of those that are possible
    """
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
        if LAWS[way.law] in laws and (way.lump == 0 or STOP_AND_GO in laws)
    ]
    law, lump, wander, pace, share, weight = np.array(rows).T
    return Hypotheses(law.astype(int), lump, wander, pace, share, weight / weight.sum())


#: By law: x is `_SIGN` times the share to the power `_POWER`, and its slope goes as `_STEEP`; for want of a power the
#: logarithm and the latent value have none.
_SIGN = np.array([1.0, 0.0, -1.0, 1.0, 0.0])
_POWER = np.array([1.0, 0.0, -1.0, 3.0, 0.0])
_ROOT = np.array([1.0, 0.0, -1.0, 1 / 3, 0.0])
_STEEP = np.array([1.0, 1.0, 1.0, 3.0, 1.0])


@dataclass(frozen=True)
class Forms:
    """(m,) each: sign, power, root and steepness of the coordinates, and whether they are a logarithm, or wander."""

    sign: Array
    power: Array
    root: Array
    steep: Array
    logarithm: NDArray[np.bool_]
    wanders: NDArray[np.bool_]


def forms_of(law: NDArray[np.int_]) -> Forms:
    """(m,) laws to their coordinates."""
    return Forms(_SIGN[law], _POWER[law], _ROOT[law], _STEEP[law], law == EXPONENTIAL, law == WANDERING)


def coordinate(forms: Forms, latent: Array) -> tuple[Array, Array]:
    """(m,) x of a latent value under each law, and (m,) dx/dz."""
    share = share_of(latent)
    log = np.log(share)
    power = np.exp(forms.power * log)
    x = np.where(forms.logarithm, log, forms.sign * power)
    slope = forms.steep * power * (LOGISTIC * (1 - share))
    return np.where(forms.wanders, latent, x), np.where(forms.wanders, 1.0, slope)


def slope_at(forms: Forms, latent: Array) -> Array:
    """(m,) dx/dz of `coordinate`."""
    share = share_of(latent)
    slope = forms.steep * np.exp(forms.power * np.log(share)) * (LOGISTIC * (1 - share))
    return np.where(forms.wanders, 1.0, slope)


@lru_cache(maxsize=64)
def x_by_law(latent: float) -> Array:
    """(5,) x of one latent value under every law: of a limit it is always the same."""
    x = coordinate(forms_of(np.arange(len(Law))), np.full(len(Law), latent))[0]
    x.flags.writeable = False
    return x


def latent_of(forms: Forms, x: Array) -> Array:
    """(m,) latent value of each x; the inverse of `coordinate`."""
    share = _share(forms, x)
    return np.where(forms.wanders, x, np.log(share / (1 - share)) * (1 / LOGISTIC))


def share_at(forms: Forms, x: Array) -> Array:
    """(m,) the parameter as a share of its range, at each x."""
    return np.where(forms.wanders, share_of(x), _share(forms, x))


def _share(forms: Forms, x: Array) -> Array:
    """The same of the laws that have a rate."""
    log = np.log(np.maximum(forms.sign * x, _LEAST_POWER)) * forms.root
    share = np.exp(np.minimum(np.where(forms.logarithm, x, log), 0.0))
    return np.minimum(np.maximum(share, EDGE), 1 - EDGE)


def range_slope(forms: Forms, share: Array) -> Array:
    """(m,) what one unit of the coordinate is at these shares of the range, in ranges."""
    one = share / (forms.steep * np.exp(forms.power * np.log(share)))
    return np.where(forms.wanders, share_slope(share), one)


def share_slope(share: Array) -> Array:
    """(m,) what a latent unit is there, in ranges."""
    slope: Array = LOGISTIC * share * (1 - share)
    return slope


def share_of(latent: Array) -> Array:
    """(m,) the parameter as a share of its range."""
    share: Array = 1 / (1 + np.exp(np.minimum(-LOGISTIC * latent, _STEEPEST)))
    return np.minimum(np.maximum(share, EDGE), 1 - EDGE)
