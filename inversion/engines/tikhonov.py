"""Regularized inversion of linear models in closed form, inside bounds.

The posterior is the likelihood of the readings, cut to the parameters' ranges, times a smoothness prior where one is
needed: Tikhonov's penalty read as a Gaussian prior (Tarantola, Inverse Problem Theory, SIAM 2005, section 3.2). Where
the readings determine every parameter to a fifth of its range, no penalty is applied: it would only add bias. Nor is
one of order 0, unless asked for: the ranges say already how large a parameter can be.

The strength is by default the one under which the data are most probable: the discrepancy principle smooths more, and
its intervals are then too narrow (docs/accuracy.md has both).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inversion.core import (
    QUANTILE_LEVELS,
    AffineModel,
    Estimate,
    Features,
    Fit,
    ForwardModel,
    ModelError,
    ParameterSpace,
    prior_estimate,
)
from inversion.engines import box
from inversion.engines.bounded import bounded_solution
from inversion.engines.regularize import Decomposition, Profile, decompose, differences
from sensors import Quality

Array = NDArray[np.float64]
Index = NDArray[np.intp]

RULES = ("auto", "none", "evidence", "discrepancy", "l_curve", "cross_validation")
_WELL_POSED = 0.2  # of the range: the readings alone determine a parameter whose Cramer-Rao bound is below
_REJECTED = 4.5  # nats: three standard deviations
_INFORMED = 0.5  # of the prior's interval: an estimate that is wider has not been resolved
_SEEN = 0.1  # of the mean resolution: below, the penalty and not the data tell the parameter
_MISFIT = 3.0  # reduced chi-square above which a fit is doubted
_BEYOND = 30.0  # deviations: readings further outside of everything the model can say tell no more than that
_VAGUE = 1e-6  # information about each range that keeps what nothing determines proper
_TOGETHER = 2_000_000  # numbers in one chunk of covariances


@dataclass(frozen=True)
class Tikhonov:
    """Engine settings.

    order: 0 penalizes size, 1 slope, 2 curvature, along the order of the parameters; nuisances are left alone
    rule: how the strength of the penalty is chosen: "evidence", "discrepancy", "l_curve", "cross_validation", "none",
        or "auto", which is evidence where a smooth course is asked for (order 1 or 2) and the readings leave some
        parameter open, else none: the parameters' ranges alone then regularize
    strength: instead of a rule, relative to the readings' own information
    """

    order: int = 0
    rule: str = "auto"
    strength: float | None = None

    def __post_init__(self) -> None:
        if self.order not in (0, 1, 2):
            raise ValueError(f"order must be 0, 1 or 2, got {self.order}")
        if self.rule not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}, got {self.rule!r}")
        if self.strength is not None and not 0 <= self.strength < np.inf:
            raise ValueError(f"strength must be zero or more, got {self.strength}")

    def bind(self, model: ForwardModel) -> TikhonovInverter:
        """An inverter for this model. Raises ModelError for one that is not linear, or not of one kind of parameter."""
        if not model.observables:
            raise ModelError("a forward model without observables cannot be inverted")
        if not isinstance(model, AffineModel):
            raise ModelError(f"tikhonov inverts linear models only, {type(model).__name__} is none; use least_squares")
        kept = [each for each in model.space if not each.nuisance]
        if self.order and len({each.unit for each in kept}) > 1:
            units = ", ".join(dict.fromkeys(each.shown for each in kept))
            raise ModelError(f"order {self.order} compares neighbors, so all parameters need one unit, found {units}")
        if len(kept) <= self.order:
            raise ModelError(f"order {self.order} needs at least {self.order + 1} parameters, found {len(kept)}")
        return TikhonovInverter(self, model)


@dataclass(frozen=True)
class Problem:
    """What is alike in frames of the same conditions and noise, in shares u of the ranges: theta = low + u range.

    reference: (p,) u that the penalty pulls to where it is of order 0; at: (d,) whitened prediction of u = 0
    """

    space: ParameterSpace
    decomposition: Decomposition
    reference: Array
    at: Array
    std: Array
    rows: Index

    @cached_property
    def well_posed(self) -> bool:
        """Whether the readings alone determine every parameter to a fifth of its range."""
        information = self.decomposition.information
        if np.linalg.cond(information) > 1e12:
            return False
        return bool(np.all(np.diagonal(np.linalg.inv(information)) < _WELL_POSED**2))

    @cached_property
    def rank(self) -> int:
        """Number of directions that the readings see."""
        return int(np.linalg.matrix_rank(self.decomposition.matrix))


@dataclass(frozen=True)
class Regularization:
    """strength: what is applied; rules: by name what each would choose; resolution: (p, p) at `strength`."""

    problem: Problem
    profile: Profile
    strength: float
    rules: dict[str, float]
    resolution: Array


@dataclass(frozen=True)
class TikhonovInverter:
    """Tikhonov for one linear model; deterministic, frames of the same noise together."""

    settings: Tikhonov
    model: ForwardModel

    def invert(self, features: Features) -> list[Estimate]:
        """One estimate a frame. Where nothing was observed the estimate is the prior, with the reason."""
        informative = _informative(features)
        known = np.atleast_1d(np.isfinite(features.conditions).all(axis=1))
        answers: dict[int, Estimate] = {}
        groups: dict[tuple[bytes, ...], list[int]] = {}
        for row in range(len(features)):
            if features.quality[row] is Quality.BAD or not known[row] or not informative[row].any():
                answers[row] = self._prior(features, row, bool(known[row]))
                continue
            key = (features.conditions[row].tobytes(), features.std[row].tobytes(), informative[row].tobytes())
            groups.setdefault(key, []).append(row)
        for rows in groups.values():
            problem = self.problem(features.conditions[rows[0]], features.std[rows[0]], informative[rows[0]])
            chunk = max(1, _TOGETHER // len(self.model.space) ** 2)
            for start in range(0, len(rows), chunk):
                some = rows[start : start + chunk]
                answers.update(zip(some, self._solve(problem, features, some), strict=True))
        return [answers[row] for row in range(len(features))]

    def problem(self, conditions: Array, std: Array, informative: NDArray[np.bool_]) -> Problem:
        """The whitened, scaled problem of a frame. std, informative: (d,)."""
        if not isinstance(self.model, AffineModel):
            raise ModelError(f"{type(self.model).__name__} is no linear model")
        space, rows = self.model.space, np.flatnonzero(informative)
        matrix, offset = self.model.affine(conditions)
        scaled = matrix[rows] * (space.high - space.low) / std[rows, None]
        at = (offset + matrix @ space.low)[rows] / std[rows]
        kept = np.array([not each.nuisance for each in space])
        decomposition = decompose(scaled, differences(len(space), self.settings.order, kept))
        reference = np.clip(-space.low / (space.high - space.low), 0.0, 1.0)
        if self.settings.order:
            reference = np.zeros(len(space))
        return Problem(space, decomposition, reference, at, std[rows], rows)

    def regularization(self, features: Features, row: int) -> Regularization | None:
        """How one frame is regularized and what the other rules would say; None where nothing was observed."""
        informative = _informative(features)[row]
        if features.quality[row] is Quality.BAD or not informative.any():
            return None
        problem = self.problem(features.conditions[row], features.std[row], informative)
        parts = problem.decomposition
        seen = features.values[row][problem.rows] / problem.std - problem.at
        profile = parts.profile(seen - parts.matrix @ problem.reference)
        chosen = self._strength(problem, profile)
        rules = {
            "evidence": profile.evidence(),
            "discrepancy": profile.discrepancy(),
            "l_curve": profile.corner(),
            "cross_validation": profile.cross_validation(),
        }
        return Regularization(problem, profile, chosen, rules, parts.resolution(chosen))

    def _strength(self, problem: Problem, profile: Profile) -> float:
        """The strength that the settings ask for."""
        if self.settings.strength is not None:
            return self.settings.strength
        match self.settings.rule:
            case "none":
                return 0.0
            case "l_curve":
                return profile.corner()
            case "cross_validation":
                return profile.cross_validation()
            case "discrepancy":
                return profile.discrepancy()
            case "auto" if self.settings.order == 0 or problem.well_posed:
                return 0.0
        return profile.evidence()

    def _prior(self, features: Features, row: int, known: bool) -> Estimate:
        space = self.model.space
        floor = self.model.floor(features.conditions[row]) if known else np.zeros(len(space))
        reason = features.reasons[row] or "nothing was observed"
        return prior_estimate(space, floor, Fit(features.quality[row], reason=reason))

    def _solve(self, problem: Problem, features: Features, rows: list[int]) -> list[Estimate]:
        parts = problem.decomposition
        seen = features.values[rows][:, problem.rows] / problem.std - problem.at
        pulled = np.clip(seen, *_reach(parts.matrix))
        base = parts.matrix @ problem.reference
        strengths = np.array([self._strength(problem, parts.profile(row - base)) for row in pulled])
        precision = parts.information + strengths[:, None, None] * parts.penalty + _VAGUE * np.eye(len(parts.share))
        toward = parts.penalty @ problem.reference
        pull = np.array([parts.matrix.T @ row for row in pulled]) + strengths[:, None] * toward + _VAGUE / 2
        posterior = box.cut(precision, pull)
        quantiles = posterior.quantiles(QUANTILE_LEVELS)
        return [
            self._answer(problem, features, row, seen[k], float(strengths[k]), (posterior, quantiles, k))
            for k, row in enumerate(rows)
        ]

    def _answer(
        self,
        problem: Problem,
        features: Features,
        row: int,
        seen: Array,
        strength: float,
        posterior: tuple[box.Cut, Array, int],
    ) -> Estimate:
        cut, quantiles, k = posterior
        space, parts = problem.space, problem.decomposition
        floor = self.model.floor(features.conditions[row])
        mode = bounded_solution(parts, problem.reference, np.clip(seen, *_reach(parts.matrix)), strength)
        misfit = float(np.sum((seen - parts.matrix @ mode) ** 2))
        reduced = misfit / max(1.0, seen.size - float(parts.freedom(np.array(strength))))
        marginals = np.minimum(
            space.low[:, None] + (space.high - space.low)[:, None] * quantiles[k], space.high[:, None]
        )
        resolved = _resolved(problem, floor, strength, cut.center[k], cut.spread[k], quantiles[k])
        mean, covariance = _latent(space, marginals, cut.covariance[k])
        quality, reasons = features.quality[row], [features.reasons[row]]
        if problem.rank < len(space):
            reasons.append(f"the readings see {problem.rank} of {len(space)} directions, the ranges decide the others")
        if reduced > _MISFIT:
            quality = max(quality, Quality.UNCERTAIN)
            reasons.append(f"the model does not explain the data (chi-square {reduced:.1f})")
        fit = Fit(quality, reduced, "; ".join(filter(None, reasons)))
        return Estimate(space, mean, covariance, floor, resolved, fit, marginals)


def _informative(features: Features) -> NDArray[np.bool_]:
    """(n, d) values that say something; one below its limit of detection is no linear datum and left out."""
    quantitative = np.isfinite(features.std) & np.isfinite(features.values) & ~(features.values <= features.limit)
    return np.atleast_2d(quantitative)


def _reach(matrix: Array) -> tuple[Array, Array]:
    """(d,) lowest and highest whitened reading that means something."""
    return np.minimum(matrix, 0).sum(axis=1) - _BEYOND, np.maximum(matrix, 0).sum(axis=1) + _BEYOND


def _resolved(
    problem: Problem, floor: Array, strength: float, center: Array, spread: Array, quantiles: Array
) -> tuple[bool, ...]:
    """(p,) whether the data, not the range nor the penalty, determine a parameter, and tell it from its lower end."""
    space = problem.space
    width = np.array([np.ptp(np.interp([0.05, 0.95], QUANTILE_LEVELS, each)) for each in quantiles])
    narrow = width <= _INFORMED * 0.9
    least = (np.maximum(floor, space.low) - space.low) / (space.high - space.low)
    apart = ((center - least) ** 2 - np.maximum(center - 1, 0) ** 2) / (2 * spread**2)
    rejected = ((center > least) & (apart > _REJECTED)) | (space.low < 0)  # a signed quantity may well be nought
    resolution = np.diagonal(problem.decomposition.resolution(strength))
    seen = resolution > _SEEN * resolution.mean()
    return tuple(bool(each) for each in narrow & rejected & seen)


def _latent(space: ParameterSpace, marginals: Array, covariance: Array) -> tuple[Array, Array]:
    """(p,) and (p, p): the Gaussian in latent space with the marginals' medians and widths."""
    levels = np.array([np.interp([0.16, 0.5, 0.84], QUANTILE_LEVELS, each) for each in marginals])
    low, middle, high = (space.to_latent(levels[:, j]) for j in range(3))
    deviation = np.maximum((high - low) / 2, 1e-6)
    scale = np.sqrt(np.diagonal(covariance))
    correlation = np.clip(covariance / scale[:, None] / scale, -1.0, 1.0) * (1 - 1e-9)
    np.fill_diagonal(correlation, 1.0)
    return middle, correlation * deviation[:, None] * deviation
