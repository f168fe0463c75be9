"""Regularized nonlinear least squares with honest intervals.

In latent space the prior is a standard normal, so the posterior mode minimizes the whitened residuals plus |z|^2
(Tarantola, Inverse Problem Theory, SIAM 2005, section 3.2). A value at or below its limit of detection enters by the
probability of having stayed there (Tobit likelihood; Tobin, Econometrica 26 (1958) 24-36). The interval of each
parameter comes from its profile likelihood over the whole prior range, integrated: all other parameters are
re-optimized at every point of a grid, so that several modes, bounds and flat likelihoods are seen as what they are
(Raue et al., Bioinformatics 25 (2009) 1923-1929). How far the others may move there weighs in too, which makes of the
profile a marginal (Tierney & Kadane, J. Am. Stat. Assoc. 81 (1986) 82-86): a nuisance is integrated, not chosen.

Parameters that share no informative observable are independent and are solved as blocks of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from inversion.core import (
    QUANTILE_LEVELS,
    Estimate,
    Features,
    Fit,
    ForwardModel,
    ModelError,
    ParameterSpace,
    prior_estimate,
)
from inversion.engines import minimize
from sensors import Quality

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_NATS = 10.0  # below its maximum by that much, a profile does not matter
_REJECTED = 4.5  # nats: three standard deviations
_INFORMED = 0.5  # of the prior's interval: an estimate that is wider has not been resolved
_STARTS = 3  # of the other parameters, at each point of the first grid; the finer ones start from their neighbors
_BOUNDS = (("grid", 8, 1024), ("passes", 1, 12), ("iterations", 1, 1000))  # beyond, a window never ends
_MISFIT = 3.0  # reduced chi-square above which a fit is doubted


@dataclass(frozen=True)
class LeastSquares:
    """Engine settings.

    grid: points of a profile, first pass; passes: refinements of the grid where the likelihood lives
    iterations: Gauss-Newton steps at each point of a grid, of a block of up to seven parameters; a larger one gets
        more in proportion, since every parameter at a bound bends the way
    loss: "gaussian", or "student" where a value may be an outlier, such as a wrong peak; it then pulls the estimate
        less the further out it lies, and the misfit says that it is there
    freedom: degrees of freedom of Student's t; the fewer, the more outliers are expected
    """

    grid: int = 64
    passes: int = 3
    iterations: int = 8
    loss: str = "gaussian"
    freedom: float = 4.0

    def __post_init__(self) -> None:
        if self.loss not in ("gaussian", "student"):
            raise ValueError(f"loss must be 'gaussian' or 'student', got {self.loss!r}")
        if not 1 <= self.freedom < np.inf:
            raise ValueError(f"freedom must be at least 1, got {self.freedom}")
        for name, least, most in _BOUNDS:
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie between {least} and {most}, got {getattr(self, name)}")

    def bind(self, model: ForwardModel) -> LeastSquaresInverter:
        """An inverter for this model."""
        if not model.observables:
            raise ModelError("a forward model without observables cannot be inverted")
        return LeastSquaresInverter(self, model)


@dataclass(frozen=True)
class LeastSquaresInverter:
    """Least squares for one forward model; deterministic, one frame after the other."""

    settings: LeastSquares
    model: ForwardModel
    _links: dict[bytes, NDArray[np.bool_]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def invert(self, features: Features) -> list[Estimate]:
        """One estimate a frame. Where nothing was observed the estimate is the prior, with the reason."""
        return [self._invert(features, row) for row in range(len(features))]

    def _invert(self, features: Features, row: int) -> Estimate:
        space, conditions = self.model.space, features.conditions[row]
        quality, reason = features.quality[row], features.reasons[row]
        known = bool(np.all(np.isfinite(conditions)))
        floor = self.model.floor(conditions) if known else np.zeros(len(space))
        informative = np.flatnonzero(np.isfinite(features.std[row]) & np.isfinite(features.values[row]))
        if quality is Quality.BAD or not known or informative.size == 0:
            return prior_estimate(space, floor, Fit(quality, reason=reason or "nothing was observed"))
        p = len(space)
        mean, covariance = np.zeros(p), np.eye(p)
        marginals = _prior_marginals(space).copy()
        resolved = [False] * p
        chi2, used = 0.0, 0
        for parameters, observables in _blocks(self._influence(conditions), informative):
            values, std, limit = (each[row, observables] for each in (features.values, features.std, features.limit))
            freedom = self.settings.freedom if self.settings.loss == "student" else np.inf
            block = minimize.Block(self.model, parameters, observables, values, std, limit, conditions, freedom)
            solved = _solve(block, self.settings, floor)
            used += parameters.size
            chi2 += solved.chi2
            mean[parameters] = solved.mean
            covariance[np.ix_(parameters, parameters)] = solved.covariance
            for i, (quantiles, determined) in solved.profiles.items():
                marginals[i], resolved[i] = quantiles, determined
        reduced = chi2 / max(1, informative.size - used)
        if reduced > _MISFIT:
            quality = max(quality, Quality.UNCERTAIN)
            reason = "; ".join(
                filter(None, [reason, f"the model does not explain the data (chi-square {reduced:.1f})"])
            )
        return Estimate(space, mean, covariance, floor, tuple(resolved), Fit(quality, reduced, reason), marginals)

    def _influence(self, conditions: Array) -> NDArray[np.bool_]:
        """(p, d) which parameter moves which observable; remembered for the conditions seen last."""
        key = conditions.tobytes()
        if key not in self._links:
            self._links.clear()
            self._links[key] = minimize.influence(self.model, conditions)
        return self._links[key]


@lru_cache(maxsize=64)
def _prior_marginals(space: ParameterSpace) -> Array:
    """(p, k) quantiles of the prior at QUANTILE_LEVELS, SI."""
    latent = np.array([NormalDist().inv_cdf(level) for level in QUANTILE_LEVELS])
    return np.ascontiguousarray(space.from_latent(np.repeat(latent[:, None], len(space), axis=1)).T)


def _blocks(linked: NDArray[np.bool_], informative: Index) -> list[tuple[Index, Index]]:
    """(parameters, observables) that belong together, each; parameters that nothing informs are left out.

    linked: (p, d) which parameter moves which observable
    """
    links = linked[:, informative]
    left = [i for i in range(links.shape[0]) if links[i].any()]
    blocks = []
    while left:
        members = np.arange(links.shape[0]) == left[0]
        while True:
            reached = links[members].any(axis=0)
            grown = links[:, reached].any(axis=1) | members
            if np.array_equal(grown, members):
                break
            members = grown
        blocks.append((np.flatnonzero(members), informative[reached]))
        left = [i for i in left if not members[i]]
    return blocks


@dataclass(frozen=True)
class _Solved:
    mean: Array
    covariance: Array
    chi2: float
    profiles: dict[int, tuple[Array, bool]]


def _solve(block: minimize.Block, settings: LeastSquares, floor: Array) -> _Solved:
    space, parameters = block.model.space, block.parameters
    profiles, best, modes = {}, np.inf, np.zeros((1, parameters.size))
    for k, i in enumerate(parameters):
        if space.parameters[i].nuisance:
            continue
        theta, loss, latent = _profile(block, k, settings)
        if loss.min() < best:
            best, modes = float(loss.min()), latent[[int(loss.argmin())]]
        quantiles = _quantiles(theta, loss)
        span = np.interp([0.05, 0.95], QUANTILE_LEVELS, quantiles)
        lowest = max(float(floor[i]), space.low[i]) if floor[i] > 0 else space.low[i]  # a floor of 0 says: none
        below = loss[theta <= lowest]
        nothing_is_lowest = bool(space.low[i] == 0 or floor[i] > 0)  # a place or a pressure is never absent
        rejected = not nothing_is_lowest or bool(below.min() - loss.min() > _REJECTED)
        narrow = bool(span[1] - span[0] <= _INFORMED * 0.9 * (space.high[i] - space.low[i]))
        profiles[int(i)] = (quantiles, rejected and narrow)
    mode = minimize.descend(block, modes, np.zeros(parameters.size, dtype=np.bool_), _steps(settings, parameters.size))[
        0
    ]
    covariance = minimize.covariance(block, mode)
    chi2 = float(np.sum(block.misfits(mode[None])[0] ** 2))
    for k, i in enumerate(parameters):
        if int(i) in profiles:
            covariance, mode = _match(covariance, mode, k, _latent_moments(block, i, profiles[int(i)][0]))
    return _Solved(mode, covariance, chi2, profiles)


def _profile(block: minimize.Block, k: int, settings: LeastSquares) -> tuple[Array, Array, Array]:
    """(g,) values of the block's k-th parameter, (g,) loss there in nats, (g, q) where in latent space."""
    space, i = block.model.space, int(block.parameters[k])
    theta = np.linspace(space.low[i], space.high[i], settings.grid)
    cold = np.linspace(-1.0, 1.0, _STARTS)[:, None] * np.ones(block.parameters.size)
    loss, latent = _losses(block, k, theta, np.repeat(cold[None], theta.size, axis=0), settings)
    for _ in range(settings.passes - 1):
        alive = np.flatnonzero(loss <= loss.min() + _NATS)  # at a huge loss, also where that adds nothing
        if alive.size >= settings.grid // 2:
            break
        low, high = theta[max(alive[0] - 1, 0)], theta[min(alive[-1] + 1, theta.size - 1)]
        finer = np.setdiff1d(np.linspace(low, high, settings.grid), theta)
        if finer.size == 0:
            break
        near = latent[np.abs(finer[:, None] - theta).argmin(axis=1)]
        more, places = _losses(block, k, finer, near[:, None], settings)
        order = np.argsort(np.concatenate([theta, finer]), kind="stable")
        theta = np.concatenate([theta, finer])[order]
        loss, latent = np.concatenate([loss, more])[order], np.concatenate([latent, places])[order]
    return theta, loss, latent


def _losses(block: minimize.Block, k: int, theta: Array, starts: Array, settings: LeastSquares) -> tuple[Array, Array]:
    """(g,) best loss at each of `theta` (g,), and (g, q) where; starts: (g, s, q) latent, the k-th is overwritten."""
    g, s, q = starts.shape if block.parameters.size > 1 else (theta.size, 1, 1)
    latent = starts[:, :s].copy()
    latent[:, :, k] = block.to_latent(k, theta)[:, None]
    flat = latent.reshape(-1, q)
    held = np.arange(q) == k
    flat = minimize.descend(block, flat, held, _steps(settings, q)) if q > 1 else flat
    loss = 0.5 * np.sum(block.residuals(flat) ** 2, axis=1) + 0.5 * np.sum(flat[:, ~held] ** 2, axis=1)
    loss = loss.reshape(g, s)
    best = loss.argmin(axis=1)
    rows = np.arange(g)
    places = flat.reshape(g, s, -1)[rows, best]
    return loss[rows, best] + minimize.width(block, places, held), places


def _steps(settings: LeastSquares, parameters: int) -> int:
    return settings.iterations * max(1, parameters // 4)


def _quantiles(theta: Array, loss: Array) -> Array:
    """Quantiles of exp(-loss) with a uniform prior in theta, at QUANTILE_LEVELS."""
    density = np.exp(loss.min() - loss)
    mass = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(theta))])
    return np.interp(QUANTILE_LEVELS, mass / mass[-1], theta)


def _latent_moments(block: minimize.Block, i: int, quantiles: Array) -> tuple[float, float]:
    k = int(np.flatnonzero(block.parameters == i)[0])
    low, middle, high = block.to_latent(k, np.interp([0.16, 0.5, 0.84], QUANTILE_LEVELS, quantiles))
    return float(middle), max(float(high - low) / 2, 1e-6)


def _match(covariance: Array, mode: Array, k: int, moments: tuple[float, float]) -> tuple[Array, Array]:
    """The Gaussian of the block, with one parameter's mean and deviation set to its profile's."""
    scale = np.ones(mode.size)
    scale[k] = moments[1] / np.sqrt(covariance[k, k])
    moved = mode.copy()
    moved[k] = moments[0]
    return covariance * scale[:, None] * scale, moved
