"""Regularized nonlinear least squares with honest intervals.

In latent space the prior is a standard normal, so the posterior mode minimizes the whitened residuals plus |z|^2
(Tarantola, Inverse Problem Theory, SIAM 2005, section 3.2). A value at or below its limit of detection enters by the
probability of having stayed there (Tobit likelihood; Tobin, Econometrica 26 (1958) 24-36). The interval of each
parameter comes from its profile likelihood over the whole prior range, integrated: all other parameters are
re-optimized at every point of a grid, so that several modes, bounds and flat likelihoods are seen as what they are
(Raue et al., Bioinformatics 25 (2009) 1923-1929). How far the others may move there weighs in too, which makes of the
profile a marginal (Tierney & Kadane, J. Am. Stat. Assoc. 81 (1986) 82-86): a nuisance is integrated, not chosen, also
where its bounds cut it (`nuisance`).

Parameters that share no informative observable are independent and are solved as blocks of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from inversion.core.tangent import Linked
from inversion.engines.block import Block
from inversion.engines.influence import blocks, influence
from inversion.engines.posterior import posterior
from inversion.engines.profile import Grid
from sensors import Quality

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]

_BOUNDS = (("grid", 8, 1024), ("passes", 1, 12), ("iterations", 1, 1000))  # beyond, a window never ends
_MISFIT = 3.0  # reduced chi-square above which a fit is doubted
_TOGETHER = 1_200_000  # numbers in an array of one chunk of windows


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
    """Least squares for one forward model; deterministic. Windows that show the same observables go together."""

    settings: LeastSquares
    model: ForwardModel
    _links: dict[bytes, Mask] = field(default_factory=dict, init=False, repr=False, compare=False)

    def invert(self, features: Features) -> list[Estimate]:
        """One estimate a frame. Where nothing was observed the estimate is the prior, with the reason."""
        shown = np.atleast_2d(np.isfinite(features.std) & np.isfinite(features.values))
        known = np.atleast_1d(np.isfinite(features.conditions).all(axis=1))
        answers: dict[int, Estimate] = {}
        alike: dict[tuple[bytes, bytes], list[int]] = {}
        for row, quality in enumerate(features.quality):
            if quality is Quality.BAD or not known[row] or not shown[row].any():
                answers[row] = self._prior(features, row, bool(known[row]))
            else:
                linked = self._influence(features.conditions[row])
                alike.setdefault((shown[row].tobytes(), linked.tobytes()), []).append(row)
        for rows in alike.values():
            linked = self._influence(features.conditions[rows[0]])
            answers.update(zip(rows, self._together(features, rows, linked, shown[rows[0]]), strict=True))
        return [answers[row] for row in range(len(features))]

    def _prior(self, features: Features, row: int, known: bool) -> Estimate:
        space = self.model.space
        floor = self.model.floor(features.conditions[row]) if known else np.zeros(len(space))
        reason = features.reasons[row] or "nothing was observed"
        return prior_estimate(space, floor, Fit(features.quality[row], reason=reason))

    def _together(self, features: Features, rows: Sequence[int], linked: Mask, shown: Mask) -> list[Estimate]:
        """Estimates of rows that show the same observables (d,), moved by the same parameters: linked (p, d)."""
        space, informative = self.model.space, np.flatnonzero(shown)
        n, p = len(rows), len(space)
        floor = np.array([self.model.floor(features.conditions[row]) for row in rows])
        mean, covariance = np.zeros((n, p)), np.repeat(np.eye(p)[None], n, axis=0)
        marginals = np.repeat(_prior_marginals(space)[None], n, axis=0)
        resolved = np.zeros((n, p), dtype=np.bool_)
        chi2, used = np.zeros(n), 0
        for parameters, observables in blocks(linked, informative):
            used += parameters.size
            how = self._grid(parameters.size)
            chunk = max(1, _TOGETHER // (how.grid * observables.size * parameters.size))
            for some in (slice(first, first + chunk) for first in range(0, n, chunk)):
                block = self._block(features, rows[some], parameters, observables)
                found = posterior(block, how, floor[some][:, parameters])
                chi2[some] += found.chi2
                mean[some, parameters] = found.mean
                covariance[some, parameters[:, None], parameters] = found.covariance
                resolved[some, parameters] = found.resolved
                marginals[some, parameters[found.shown]] = found.marginals
        reduced = chi2 / max(1, informative.size - used)
        fits = [_fit(features, row, float(each)) for row, each in zip(rows, reduced, strict=True)]
        return [
            Estimate(space, mean[k], covariance[k], floor[k], tuple(resolved[k].tolist()), fits[k], marginals[k])
            for k in range(n)
        ]

    def _block(self, features: Features, rows: Sequence[int], parameters: Index, observables: Index) -> Block:
        here = np.asarray(rows, dtype=np.intp)
        values, std, limit = (
            each[here[:, None], observables] for each in (features.values, features.std, features.limit)
        )
        freedom = self.settings.freedom if self.settings.loss == "student" else np.inf
        return Block(self.model, parameters, observables, values, std, limit, features.conditions[here], freedom)

    def _grid(self, parameters: int) -> Grid:
        return Grid(self.settings.grid, self.settings.passes, self.settings.iterations * max(1, parameters // 4))

    def _influence(self, conditions: Array) -> Mask:
        """(p, d) which parameter moves which observable; remembered for the conditions seen last, if they matter."""
        key = b"" if isinstance(self.model, Linked) else conditions.tobytes()
        if key not in self._links:
            self._links.clear()
            self._links[key] = influence(self.model, conditions)
        return self._links[key]


def _fit(features: Features, row: int, reduced: float) -> Fit:
    quality, reason = features.quality[row], features.reasons[row]
    if reduced > _MISFIT:
        quality = max(quality, Quality.UNCERTAIN)
        reason = "; ".join(filter(None, [reason, f"the model does not explain the data (chi-square {reduced:.1f})"]))
    return Fit(quality, reduced, reason)


@lru_cache(maxsize=64)
def _prior_marginals(space: ParameterSpace) -> Array:
    """(p, k) quantiles of the prior at QUANTILE_LEVELS, SI."""
    latent = np.array([NormalDist().inv_cdf(level) for level in QUANTILE_LEVELS])
    return np.ascontiguousarray(space.from_latent(np.repeat(latent[:, None], len(space), axis=1)).T)
