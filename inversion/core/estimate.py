"""The answer: parameters with intervals, or the words "not resolvable"."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inversion.core.parameter import ParameterSpace
from sensors import Quality

Array = NDArray[np.float64]

_NORMAL = NormalDist()

#: Probabilities at which a marginal posterior is tabulated.
QUANTILE_LEVELS: Array = np.concatenate(
    [[0.0005, 0.0025, 0.005, 0.01, 0.025], np.linspace(0.05, 0.95, 37), [0.975, 0.99, 0.995, 0.9975, 0.9995]]
)

_LEVELS: list[float] = QUANTILE_LEVELS.tolist()

#: The same of the standard normal distribution.
_LEVELS_NORMAL: Array = np.array([_NORMAL.inv_cdf(float(level)) for level in QUANTILE_LEVELS])


@dataclass(frozen=True)
class Answered:
    """Which network answered, at which precision ("full" or "lite"); fingerprint: of its graph."""

    network: str
    precision: str
    fingerprint: str


@dataclass(frozen=True)
class Fit:
    """How far an estimate may be believed, and why not further; answered: None where no network did."""

    quality: Quality = Quality.GOOD
    reduced_chi2: float = float("nan")
    reason: str = ""
    answered: Answered | None = None


@dataclass(frozen=True)
class Estimate:
    """Posterior of one frame (or of a track).

    mean: (p,) and covariance: (p, p), in latent space
    floor: (p,) SI, the smallest value that these conditions could resolve
    resolved: (p,) False where the data say only "somewhere between the lower bound and the upper end"
    marginals: (p, k) SI, quantiles of each parameter at QUANTILE_LEVELS; None where the latent Gaussian says it all
    """

    space: ParameterSpace
    mean: Array
    covariance: Array
    floor: Array
    resolved: tuple[bool, ...]
    fit: Fit
    marginals: Array | None = None

    def __post_init__(self) -> None:
        p = len(self.space)
        if (
            self.mean.shape != (p,)
            or self.covariance.shape != (p, p)
            or self.floor.shape != (p,)
            or len(self.resolved) != p
        ):
            raise ValueError(f"an estimate of {p} parameters needs ({p},), ({p}, {p}), ({p},) and {p} flags")
        if self.marginals is not None and self.marginals.shape != (p, QUANTILE_LEVELS.size):
            raise ValueError(f"marginals must be ({p}, {QUANTILE_LEVELS.size}), got {self.marginals.shape}")

    @classmethod
    def of_marginals(
        cls,
        space: ParameterSpace,
        gaussian: Callable[[], tuple[Array, Array]],
        floor: Array,
        resolved: tuple[bool, ...],
        fit: Fit,
        marginals: Array,
    ) -> Estimate:
        """One that its marginals tell whole; `gaussian` makes mean and covariance when somebody asks for them.

        Hardly anybody does, and making them takes a tenth of the time of a network's answer.
        """
        p = len(space)
        if floor.shape != (p,) or len(resolved) != p or marginals.shape != (p, QUANTILE_LEVELS.size):
            raise ValueError(f"an estimate of {p} parameters needs ({p},), {p} flags and ({p}, {QUANTILE_LEVELS.size})")
        made = object.__new__(cls)
        vars(made).update(space=space, floor=floor, resolved=resolved, fit=fit, marginals=marginals, _gaussian=gaussian)
        return made

    if not TYPE_CHECKING:  # to a type checker mean and covariance are there, and nothing else is made

        def __getattr__(self, name: str) -> Array:
            """Mean or covariance of an estimate `of_marginals`, the first time."""
            gaussian = vars(self).get("_gaussian")
            if gaussian is None or name not in ("mean", "covariance"):
                raise AttributeError(f"an estimate has no {name!r}")
            mean, covariance = gaussian()
            vars(self).update(mean=mean, covariance=covariance)
            return vars(self)[name]

    def resolvable(self, name: str) -> bool:
        """Whether the data determine the parameter, rather than only bound it from above."""
        return self.resolved[self.space.index(name)]

    def quantile(self, name: str, probability: float) -> float:
        """SI value below which the parameter lies with this probability."""
        i = self.space.index(name)
        if self.marginals is not None:
            return _quantile(self.marginals[i], probability)
        spread = float(np.sqrt(self.covariance[i, i])) * _NORMAL.inv_cdf(probability)
        return float(self.space.from_latent(self.mean + spread)[i])

    def tabulated(self, i: int) -> Array:
        """(k,) SI quantiles of the i-th parameter at QUANTILE_LEVELS."""
        if self.marginals is not None:
            tabulated: Array = self.marginals[i]
            return tabulated
        latent = self.mean + np.sqrt(self.covariance[i, i]) * _LEVELS_NORMAL[:, None]
        return self.space.from_latent(latent)[:, i]

    def quantiles(self, name: str, probabilities: Sequence[float]) -> list[float]:
        """SI values below which the parameter lies with these probabilities."""
        if self.marginals is None:
            return [self.quantile(name, probability) for probability in probabilities]
        row = self.marginals[self.space.index(name)]
        return [_quantile(row, probability) for probability in probabilities]

    def value(self, name: str) -> float:
        """SI point value: the posterior median."""
        return self.quantile(name, 0.5)

    def interval(self, name: str, level: float = 0.9) -> tuple[float, float]:
        """Credible interval, SI: equal-tailed when resolvable, else from the lower bound up to the `level` quantile.

        An equal-tailed interval misses a small pit by construction, hence the second form.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {level}")
        return self.middle_and_interval(name, level)[1:]

    def middle_and_interval(self, name: str, level: float) -> tuple[float, float, float]:
        """`value` and `interval` at once."""
        if not self.resolvable(name):
            middle, high = self.quantiles(name, (0.5, level))
            return middle, self.space[name].low, high
        middle, low, high = self.quantiles(name, (0.5, (1 - level) / 2, (1 + level) / 2))
        return middle, low, high

    def probability_above(self, name: str, limit: float) -> float:
        """P(parameter > limit), limit in SI."""
        i = self.space.index(name)
        if limit < self.space.low[i]:
            return 1.0
        if limit >= self.space.high[i]:
            return 0.0
        if self.marginals is not None:
            return 1 - _share_below(self.marginals[i], limit)
        theta = self.space.low.copy()
        theta[i] = limit
        latent = float(self.space.to_latent(theta)[i])
        std = float(np.sqrt(self.covariance[i, i]))
        return 1 - _NORMAL.cdf((latent - float(self.mean[i])) / std)


def _quantile(row: Array, probability: float) -> float:
    """Of (k,) quantiles at QUANTILE_LEVELS, `numpy.interp` to the bit: of one value in a third of the time."""
    k, last = bisect_right(_LEVELS, probability) - 1, len(_LEVELS) - 1
    left: float = row.item(min(max(k, 0), last))
    if k < 0 or k >= last:
        return left
    return (row.item(k + 1) - left) / (_LEVELS[k + 1] - _LEVELS[k]) * (probability - _LEVELS[k]) + left


def _share_below(row: Array, value: float) -> float:
    """The probability that is tabulated for a value: 0 below the lowest quantile, 1 above the highest; as above."""
    k, last = int(row.searchsorted(value, side="right")) - 1, len(_LEVELS) - 1
    if k < 0:
        return 0.0
    left: float = row.item(k)
    if k >= last:
        return _LEVELS[last] if value <= left else 1.0
    return (_LEVELS[k + 1] - _LEVELS[k]) / (row.item(k + 1) - left) * (value - left) + _LEVELS[k]


def prior_estimate(space: ParameterSpace, floor: Array, fit: Fit) -> Estimate:
    """The prior as an answer: nothing was learnt, `fit.reason` says why, and its quality is UNCERTAIN at best."""
    p = len(space)
    doubted = replace(fit, quality=max(fit.quality, Quality.UNCERTAIN))
    return Estimate(space, np.zeros(p), np.eye(p), floor, (False,) * p, doubted)
