"""An empirical model from labelled windows.

The noise of a feature is what the surface misses in groups that it was not fitted on: so whatever windows of a group
share (a mounting, a trial, a warm morning) is noise too, as it will be at the next group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inversion.signal import surface
from inversion.store.empirical import EmpiricalFit
from inversion.training.labelled import FEWEST_GROUPS, CalibrationError, Labelled, check_enough
from inversion.training.recipe import Calibration

Array = NDArray[np.float64]

_POLYNOMIAL = 3.0  # prior deviation of polynomial weights, in standardized features
_BUMPS = (0.02, 0.1, 0.4, 1.0)  # candidates for that of the bumps: how rough a surface may be
_LEAST_NOISE = 1e-3  # of a standardized feature: no feature is more exact
_PASSES = 3  # of noise and weights in turn
_ROUGH = 0.1  # baseline: features rise unequally, by this share of the common rise
_FAMILIAR = 1e-9


@dataclass(frozen=True)
class _Surface1:
    """One feature's: weights (m,), covariance (m, m); residual (n,) of left-out groups; deviation of the noise."""

    weights: Array
    covariance: Array
    residual: Array
    noise: float


def fit(
    labelled: Labelled, calibration: Calibration, freedom: float = np.inf, fewest_groups: int = FEWEST_GROUPS
) -> EmpiricalFit:
    """The model. freedom: of Student's t, where outliers are expected. Raises CalibrationError."""
    parameters = tuple(target.parameter for target in calibration.parameter)
    check_enough(labelled, tuple(each.name for each in parameters), calibration.baseline, fewest_groups)
    offset, scale = _standard(labelled, calibration)
    center, half = _inputs(labelled, calibration)
    if calibration.baseline:
        fitted = _baseline(labelled, offset, scale, center, half, freedom)
    else:
        fitted = _regressed(labelled, offset, scale, center, half, freedom)
    surfaces, covariance, noise = fitted
    return EmpiricalFit(
        parameters=parameters,
        features=calibration.feature,
        conditions=calibration.condition,
        units=labelled.units,
        sample_rates=labelled.sample_rates,
        window_s=labelled.window_s,
        offset=offset,
        scale=scale,
        surface=surfaces,
        covariance=covariance,
        noise=noise,
        groups=tuple(np.unique(labelled.group).tolist()),
        windows=len(labelled),
    )


def widened(fitted: EmpiricalFit, factor: float) -> EmpiricalFit:
    """The model with every deviation larger by a factor."""
    noise = fitted.noise.copy()
    noise[0] += np.log(factor)
    covariance = fitted.surface.covariance * factor**2
    return replace(fitted, noise=noise, surface=replace(fitted.surface, covariance=covariance))


def _standard(labelled: Labelled, calibration: Calibration) -> tuple[Array, Array]:
    offset, scale = np.zeros(labelled.values.shape[1]), np.ones(labelled.values.shape[1])
    for j, feature in enumerate(calibration.feature):
        seen = labelled.values[np.isfinite(labelled.values[:, j]), j]
        if seen.size < max(8, 0.2 * len(labelled)):
            raise CalibrationError(f"feature {feature.name} is seen in {seen.size} of {len(labelled)} windows only")
        offset[j], scale[j] = np.median(seen), np.std(seen)
        if not scale[j] > _FAMILIAR * max(1.0, abs(offset[j])):
            raise CalibrationError(f"feature {feature.name} is {offset[j]:g} in every window, it tells nothing")
    return offset, scale


def _inputs(labelled: Labelled, calibration: Calibration) -> tuple[Array, Array]:
    """Center and half range, (q,), of parameters (of their priors) and conditions (as found)."""
    low = np.array([target.parameter.low for target in calibration.parameter])
    high = np.array([target.parameter.high for target in calibration.parameter])
    c = labelled.conditions
    low, high = np.append(low, c.min(axis=0)), np.append(high, c.max(axis=0))
    if np.any(high - low <= 0):
        raise CalibrationError("a condition is the same in every window, take it out")
    return (low + high) / 2, (high - low) / 2


def _regressed(
    labelled: Labelled, offset: Array, scale: Array, center: Array, half: Array, freedom: float
) -> tuple[surface.Surface, Array, Array]:
    u = (np.concatenate([labelled.theta, labelled.conditions], axis=1) - center) / half
    standard = (labelled.values - offset) / scale
    _, group = np.unique(labelled.group, return_inverse=True)
    columns = [_column(u, standard[:, j], group, freedom) for j in range(standard.shape[1])]
    residual = np.stack([column.residual for column in columns], axis=1)
    covariance = _covariance(residual, np.array([column.noise for column in columns]), int(group.max()) + 1)
    noise = _heteroscedastic(residual, covariance, u, int(group.max()) + 1, freedom)
    weights = np.stack([column.weights for column in columns], axis=1)
    found = surface.Surface(center, half, weights, np.stack([column.covariance for column in columns]))
    return found, covariance, noise


def _column(u: Array, values: Array, group: NDArray[np.intp], freedom: float) -> _Surface1:
    """The surface of one standardized feature, as rough as predicts left-out groups best."""
    seen = np.isfinite(values)
    fits = [_rough(u[seen], values[seen], group[seen], bumps, freedom) for bumps in _BUMPS]
    best = fits[int(np.argmin([_surprise(each, freedom) for each in fits]))]
    residual = np.full(values.size, np.nan)
    residual[seen] = best.residual
    return _Surface1(best.weights, best.covariance, residual, best.noise)


def _rough(u: Array, y: Array, group: NDArray[np.intp], bumps: float, freedom: float) -> _Surface1:
    polynomial, m = surface.functions(u.shape[1])
    prior = np.where(np.arange(m) < polynomial, _POLYNOMIAL, bumps)
    phi, weight, variance, residual = surface.basis(u), np.ones(y.size), 0.1, np.zeros(y.size)
    for _ in range(_PASSES):
        precision = weight / variance
        whole = (phi * precision[:, None]).T @ phi + np.diag(prior**-2.0)
        towards = phi.T @ (precision * y)
        for g in np.unique(group):
            out = group == g
            less = whole - (phi[out] * precision[out, None]).T @ phi[out]
            residual[out] = y[out] - phi[out] @ np.linalg.solve(less, towards - phi[out].T @ (precision[out] * y[out]))
        weight, variance = _scale(residual, freedom, variance)
    weights, covariance = surface.fit(u, y, weight / variance, prior)
    return _Surface1(weights, covariance, residual.copy(), float(np.sqrt(variance)))


def _scale(residual: Array, freedom: float, start: float) -> tuple[Array, float]:
    """(n,) weights and the variance of a t distribution about zero; of the normal one where freedom is infinite."""
    variance = start
    if not np.isfinite(freedom):
        return np.ones(residual.size), max(float(np.mean(residual**2)), _LEAST_NOISE**2)
    for _ in range(20):  # by its own weights
        weight = (freedom + 1) / (freedom + residual**2 / variance)
        variance = max(float(np.mean(weight * residual**2)), _LEAST_NOISE**2)
    return weight, variance


def _location(x: Array, freedom: float) -> tuple[float, float]:
    """Center and deviation of a t distribution."""
    center, variance = float(np.median(x)), float(np.var(x)) + _LEAST_NOISE**2
    for _ in range(10):
        weight, variance = _scale(x - center, freedom, variance)
        center = float(np.sum(weight * x) / np.sum(weight))
    return center, float(np.sqrt(variance))


def _surprise(fitted: _Surface1, freedom: float) -> float:
    """Mean negative log likelihood of left-out groups."""
    z = (fitted.residual / fitted.noise) ** 2
    loss = 0.5 * (freedom + 1) * np.log1p(z / freedom) if np.isfinite(freedom) else 0.5 * z
    return float(np.log(fitted.noise) + loss.mean())


def _covariance(residual: Array, noise: Array, groups: int) -> Array:
    """(d, d) covariance of left-out residuals, drawn toward independence: few groups tell little of correlations."""
    d = noise.size
    z = np.clip(residual / noise, -4, 4)  # one wrong peak shall not make a correlation
    correlation = np.eye(d)
    for i in range(d):
        for j in range(i):
            both = np.isfinite(z[:, i]) & np.isfinite(z[:, j])
            product = np.sum(z[both, i] * z[both, j])
            power = np.sqrt(np.sum(z[both, i] ** 2) * np.sum(z[both, j] ** 2))
            correlation[i, j] = correlation[j, i] = product / power if power > 0 else 0.0
    shrunk = d / (d + groups)
    correlation = (1 - shrunk) * correlation + shrunk * np.eye(d)
    covariance: Array = noise[:, None] * correlation * noise
    return covariance


def _heteroscedastic(residual: Array, covariance: Array, u: Array, groups: int, freedom: float) -> Array:
    """(1 + 2 q, d) logarithm of the deviation of whitened residuals: constant; where the data ask for them, slopes and
    curvatures by each input."""
    d, q = residual.shape[1], u.shape[1]
    noise = np.zeros((1 + 2 * q, d))
    complete = np.all(np.isfinite(residual), axis=1)
    if complete.sum() < 10 * (1 + 2 * q):
        return noise
    whitened = residual[complete] @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    inside = np.clip(u[complete], -1, 1)
    inputs = np.concatenate([np.ones((len(inside), 1)), inside, inside**2], axis=1)
    for j in range(d):
        z = np.clip(whitened[:, j] ** 2, 1e-4, 16.0 if np.isfinite(freedom) else np.inf)
        flat = np.zeros(1 + 2 * q)
        flat[0] = 0.5 * np.log(z.mean())
        sloped = _log_linear(inputs, z, flat)
        gain = _deviance(inputs, z, flat) - _deviance(inputs, z, sloped)
        gain *= groups / len(z)  # windows of a group are not independent
        if not np.isfinite(freedom):
            noise[0, j] = flat[0]
        if gain > 2.0 * 2 * q:
            noise[1:, j] = sloped[1:]
            noise[0, j] += (sloped - flat)[0]
    return noise


def _log_linear(inputs: Array, z: Array, start: Array) -> Array:
    """Weights of the log deviation whose square is the mean of z: Fisher scoring of a gamma regression, bounded."""
    weights = start.copy()
    for _ in range(12):
        ratio = z / np.exp(2 * inputs @ weights)
        step = np.linalg.solve(2 * inputs.T @ inputs + 1e-6 * np.eye(weights.size), inputs.T @ (ratio - 1))
        weights = weights + np.clip(step, -0.5, 0.5)
        weights[1:] = np.clip(weights[1:], -1.5, 1.5)
    return weights


def _deviance(inputs: Array, z: Array, weights: Array) -> float:
    log = inputs @ weights
    return float(np.sum(log + 0.5 * z / np.exp(2 * log)))


def _baseline(
    labelled: Labelled, offset: Array, scale: Array, center: Array, half: Array, freedom: float
) -> tuple[surface.Surface, Array, Array]:
    """Features that all rise with the parameter, one for one, about what they are in health."""
    standard = (labelled.values - offset) / scale
    n, d = standard.shape
    located = np.array([_location(column[np.isfinite(column)], freedom) for column in standard.T])
    mean, noise = located[:, 0], located[:, 1] * np.sqrt((1 + 1 / n) * n / max(n - 3, 1))  # of the next one, by t
    m = surface.functions(1, 0)[1]
    weights, covariance = np.zeros((m, d)), np.zeros((d, m, m))
    slope = half[0] / scale  # of a standardized feature, by the input
    weights[0], weights[1] = mean + slope, slope  # the input is -1 where the parameter is 0
    along = np.zeros(m)
    along[:2] = 1.0
    covariance += (_ROUGH * slope)[:, None, None] ** 2 * np.outer(along, along)
    found = surface.Surface(center, half, weights, covariance, bumps=0)
    return found, _covariance(standard - mean, noise, n), np.zeros((3, d))
