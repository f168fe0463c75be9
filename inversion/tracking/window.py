"""What one window says of one parameter, as a measurement in latent space."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inversion.core import Estimate

_NARROWEST, _WIDEST = 1e-6, 0.99  # latent variance of one window that can be used
_FARTHEST = 8.0  # standard deviations of what a window may measure beforehand: beyond, a value is at its bound
_Z90 = 1.2815515655446004  # normal quantile of 0.9
#: Probability below the lower end of a central interval, and how many deviations a normal one reaches from its median.
_CENTRAL = ((0.15865525393145707, 1.0), (0.05, 1.6448536269514722))


@dataclass(frozen=True)
class Window:
    """resolved: whether the window determines the parameter, or only bounds it from above.

    value: latent, what was measured, or the bound; error: variance of the window's own error
    """

    resolved: bool
    value: float
    error: float


def window_of(estimate: Estimate, i: int) -> Window:
    """The i-th parameter of a window that is not BAD.

    A window's posterior holds the prior already, which is divided out: else it would be counted once a window.
    """
    if estimate.resolved[i]:
        mean, variance = _central(estimate, i)
        error = _without_prior(variance)
        farthest = _FARTHEST * math.sqrt(1 + error)
        value = mean * (1 + error)  # mean / variance = value / error + 0 / 1
        return Window(True, min(max(value, -farthest), farthest), error)
    mean, variance = _upper(estimate, i)
    return Window(False, mean + _Z90 * math.sqrt(variance), _without_prior(variance))


def _without_prior(variance: float) -> float:
    """Variance of a window's own error: 1 / posterior = 1 / error + 1 / prior, the prior's being one."""
    variance = min(max(variance, _NARROWEST), _WIDEST)
    return variance / (1 - variance)


def _central(estimate: Estimate, i: int) -> tuple[float, float]:
    """Latent mean and variance of a resolvable parameter: its median, and the larger half of a central interval.

    A flat posterior, such as that of a width whose path of relief may be anything, is no normal one. The path stays the
    same in all windows, so its error does not average out to one: a normal one of the same central two thirds would end
    far beyond it. One with long tails has fewer errors in its middle than a normal one of the same 90 %. Therefore the
    shorter of the two.
    """
    if estimate.marginals is None:
        return float(estimate.mean[i]), float(estimate.covariance[i, i])
    middle = _latent_quantile(estimate, i, 0.5)
    spreads = []
    for p, deviations in _CENTRAL:
        below, above = (_latent_quantile(estimate, i, end) for end in (p, 1 - p))
        spreads.append(max(above - middle, middle - below) / deviations)
    return middle, min(spreads) ** 2


def _upper(estimate: Estimate, i: int) -> tuple[float, float]:
    """Latent mean and variance of a parameter that is only bounded: its median and its 90 % quantile, the bound."""
    if estimate.marginals is None:
        return float(estimate.mean[i]), float(estimate.covariance[i, i])
    middle, top = (_latent_quantile(estimate, i, p) for p in (0.5, 0.9))
    return middle, max(((top - middle) / _Z90) ** 2, _NARROWEST)


def _latent_quantile(estimate: Estimate, i: int, probability: float) -> float:
    theta = estimate.space.low.copy()
    theta[i] = estimate.quantile(estimate.space.names[i], probability)
    return float(estimate.space.to_latent(theta)[i])
