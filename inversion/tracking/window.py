"""What one window says of its parameters, as measurements in latent space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core import QUANTILE_LEVELS, Estimate

Array = NDArray[np.float64]

_NARROWEST, _WIDEST = 1e-6, 0.99  # latent variance of one window that can be used
_FARTHEST = 8.0  # standard deviations of what a window may measure beforehand: beyond, a value is at its bound
_Z90 = 1.2815515655446004  # normal quantile of 0.9
_Z95 = 1.6448536269514722
_BELOW = 0.15865525393145707  # one deviation below the middle of a normal distribution
#: (k, 6) quantiles at QUANTILE_LEVELS to those that are asked for: of a central 90 % and two thirds, middle, top.
_ASKED: Array = np.array(
    [
        np.interp((0.05, _BELOW, 0.5, 1 - _BELOW, 0.95, 0.9), QUANTILE_LEVELS, one)
        for one in np.eye(QUANTILE_LEVELS.size)
    ]
)


@dataclass(frozen=True)
class Window:
    """resolved: whether the window determines the parameter, or only bounds it from above.

    value: latent, what was measured, or the bound; error: variance of the window's own error
    """

    resolved: bool
    value: float
    error: float


def windows_of(estimate: Estimate) -> list[Window]:
    """Every parameter of a window that is not BAD.

    A window's posterior holds the prior already, which is divided out: else it would be counted once a window.
    """
    if estimate.marginals is None:
        variances = estimate.covariance.diagonal().tolist()
        pairs = zip(estimate.mean.tolist(), variances, strict=True)
        return [_window(estimate.resolved[i], *pair) for i, pair in enumerate(pairs)]
    latent = estimate.space.to_latent((estimate.marginals @ _ASKED).T).T.tolist()
    return [
        _window(resolved, *(_central(*asked) if resolved else _upper(*asked)))
        for resolved, asked in zip(estimate.resolved, latent, strict=True)
    ]


def _window(resolved: bool, mean: float, variance: float) -> Window:
    error = _without_prior(variance)
    if not resolved:
        return Window(False, mean + _Z90 * math.sqrt(variance), error)
    farthest = _FARTHEST * math.sqrt(1 + error)
    value = mean * (1 + error)  # mean / variance = value / error + 0 / 1
    return Window(True, min(max(value, -farthest), farthest), error)


def _without_prior(variance: float) -> float:
    """Variance of a window's own error: 1 / posterior = 1 / error + 1 / prior, the prior's being one."""
    variance = min(max(variance, _NARROWEST), _WIDEST)
    return variance / (1 - variance)


def _central(low: float, below: float, middle: float, above: float, high: float, _: float) -> tuple[float, float]:
    """Latent mean and variance of a resolvable parameter: its median, and the larger half of a central interval.

    A flat posterior, such as that of a width whose path of relief may be anything, is no normal one. The path stays the
    same in all windows, so its error does not average out to one: a normal one of the same central two thirds would end
    far beyond it. One with long tails has fewer errors in its middle than a normal one of the same 90 %. Therefore the
    shorter of the two.
    """
    spreads = max(above - middle, middle - below), max(high - middle, middle - low) / _Z95
    return middle, min(spreads) ** 2


def _upper(_low: float, _below: float, middle: float, _above: float, _high: float, top: float) -> tuple[float, float]:
    """Latent mean and variance of a parameter that is only bounded: its median and its 90 % quantile, the bound."""
    return middle, max(((top - middle) / _Z90) ** 2, _NARROWEST)
