"""Any machine, by experience: features of its channels as a smooth function of parameters, fitted on labelled windows.

`inversion calibrate` makes the model file. Observed are the features by name (`inversion/signal/features.py`),
standardized and whitened: `z = L^-1 (x - offset) / scale`, where `L L^T` is the covariance of features of groups that
the fit had not seen. Where a feature is not seen in a window, the others are whitened without it; which ones were seen
is a condition, so that `simulate` whitens its prediction alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inversion.core import Features, ParameterSpace
from inversion.core.drawing import Sensing
from inversion.core.tangent import Tangent
from inversion.forward.windowing import Looked, look
from inversion.store.empirical import EmpiricalFit, load
from sensors import Frame, Quality

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_TINY = 1e-9
_OUTSIDE = 0.25  # of the half range: a condition further out than that is doubted


@dataclass(frozen=True)
class Empirical:
    """A machine known by labelled recordings of its own.

    model: the file that `inversion calibrate` wrote
    """

    model: Path

    def __post_init__(self) -> None:
        _ = self.fit

    @cached_property
    def fit(self) -> EmpiricalFit:
        """What was learnt. Raises EmpiricalFileError."""
        return load(Path(self.model))

    @property
    def identity(self) -> str:
        """Changes with anything that was learnt: networks are trained for one fit."""
        return self.fit.fingerprint

    @cached_property
    def space(self) -> ParameterSpace:
        """The parameters that the windows were labelled with."""
        return ParameterSpace(self.fit.parameters)

    @cached_property
    def observables(self) -> tuple[str, ...]:
        """The features, whitened in this order."""
        return tuple(feature.name for feature in self.fit.features)

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """All channels that a feature is taken from."""
        return tuple(self.fit.units)

    def floor(self, conditions: Array) -> Array:
        """Zero: whether a value can be resolved, the data say."""
        return np.zeros(len(self.space))

    def simulate(self, theta: Array, conditions: Array) -> Array:
        """(..., p) and (..., c) to (..., d) whitened features."""
        x, seen = self._inputs(theta, conditions)
        return _whitened(self.fit, self.fit.surface.mean(x), seen)

    def spread(self, theta: Array, conditions: Array) -> Array:
        """(..., d) what noise and surface add to the least deviation that the fit knows (`Features.std`)."""
        x, seen = self._inputs(theta, conditions)
        u = np.clip((x - self.fit.surface.center) / self.fit.surface.scale, -1, 1)
        noise = np.exp(2 * (self.fit.noise[0] + np.concatenate([u, u**2], axis=-1) @ self.fit.noise[1:]))
        surface = _spread(self.fit, self.fit.surface.deviation(x) ** 2, seen)
        added: Array = np.sqrt(np.maximum(noise + surface - self.least**2, 0.0))
        return added

    def tangent(self, theta: Array, conditions: Array, parameters: Index, observables: Index) -> Tangent:
        """Of `simulate` and `spread`, in closed form. theta: (b, l, p), every b with features of its own seen."""
        x, seen = self._inputs(theta, conditions)
        whitener = self._whiteners(seen[:, 0])
        surface = self.fit.surface.tangent(x, parameters)
        noise, noise_slope = self._noise(x, parameters)
        variance = noise + np.matmul(surface.variance, whitener**2)
        slope = noise_slope + np.matmul(surface.variance_slope, (whitener**2)[:, None])
        spread = np.sqrt(np.maximum(variance - self.least**2, 0.0))
        spread_slope = slope / np.maximum(2 * spread, _TINY)[..., None, :]
        return Tangent(
            np.matmul(surface.mean, whitener)[..., observables],
            np.matmul(surface.mean_slope, whitener[:, None])[..., observables],
            spread[..., observables],
            spread_slope[..., observables],
        )

    def _whiteners(self, masks: Array) -> Array:
        """(b,) masks of the features that were seen to (b, d, d) transposed whiteners."""
        if np.all(masks == masks[0]):
            return np.repeat(_whitener(_key(self.fit), float(masks[0])).T[None], masks.size, axis=0)
        different, which = np.unique(masks, return_inverse=True)
        found: Array = np.array([_whitener(_key(self.fit), float(mask)).T for mask in different])[which]
        return found

    def _noise(self, x: Array, parameters: Index) -> tuple[Array, Array]:
        """(..., d) variance of the whitened features at x (..., q), and its derivatives (..., f, d)."""
        u = (x - self.fit.surface.center) / self.fit.surface.scale
        inside, u = (np.abs(u) < 1)[..., parameters, None], np.clip(u, -1, 1)
        level, (slopes, curvatures) = self.fit.noise[0], np.split(self.fit.noise[1:], 2)
        noise = np.exp(2 * (level + np.matmul(u, slopes) + np.matmul(u * u, curvatures)))
        steep = 2 * slopes[parameters] + 4 * u[..., parameters, None] * curvatures[parameters]
        return noise, noise[..., None, :] * steep * inside / self.fit.surface.scale[parameters][:, None]

    @cached_property
    def least(self) -> Array:
        """(d,) a lower bound of the deviation of each whitened feature over the whole range."""
        slopes, curvatures = np.split(self.fit.noise[1:], 2)
        deviation: Array = np.exp(
            self.fit.noise[0] - np.abs(slopes).sum(axis=0) + np.minimum(curvatures, 0.0).sum(axis=0)
        )
        return deviation

    def observe(self, frames: Sequence[Frame]) -> Features:
        """The whitened features of each frame; what a frame does not tell has an infinite deviation."""
        rows = [self._row(frame) for frame in frames]
        n, d, c = len(rows), len(self.observables), len(self.fit.conditions) + 1
        return Features(
            values=np.array([row[0] for row in rows]).reshape(n, d),
            std=np.array([row[1] for row in rows]).reshape(n, d),
            limit=np.full((n, d), -np.inf),
            conditions=np.array([row[2] for row in rows]).reshape(n, c),
            quality=tuple(row[3] for row in rows),
            reasons=tuple(row[4] for row in rows),
        )

    @property
    def parts(self) -> int:
        """The features: each can be missing, or that of another state."""
        return len(self.observables)

    @property
    def varied(self) -> Array:
        """(c, 2) the conditions, over the ranges that were fitted on."""
        p = len(self.space)
        center, half = self.fit.surface.center[p:], self.fit.surface.scale[p:]
        return np.stack([center - half, center + half], axis=1)

    @property
    def in_time(self) -> bool:
        """No: a fit knows features, not records."""
        return False

    def draw(self, theta: Array, varied: Array, sensing: Sensing, rng: np.random.Generator) -> Features:
        """Features of the surface with its noise; strays are exchanged before they are whitened."""
        own, other = (self.fit.surface.mean(np.concatenate([x, varied], axis=1)) for x in (theta, sensing.other))
        raw = np.where(sensing.stray, other, own) * self.fit.scale + self.fit.offset
        rows = map(self.whiten, np.where(sensing.lost, np.nan, raw), varied)
        values, std, given = (np.array(part) for part in zip(*rows, strict=True))
        seen = np.isfinite(std)
        deviation = np.hypot(np.where(seen, std, 0.0), self.spread(theta, given)) * sensing.noise[:, None]
        values = np.where(seen, values + deviation * sensing.deviates(rng, self.parts), 0.0)
        n = len(values)
        return Features(values, std, np.full(std.shape, -np.inf), given, (Quality.GOOD,) * n, ("",) * n)

    def _row(self, frame: Frame) -> tuple[Array, Array, Array, Quality, str]:
        fit = self.fit
        looked = look(frame, (*fit.features, *fit.conditions), fit.units, fit.sample_rates, fit.window_s)
        d = len(fit.features)
        values, conditions = looked.values[:d], looked.values[d:]
        nothing = np.zeros(d), np.full(d, np.inf), np.full(conditions.size + 1, np.nan)
        if looked.quality is Quality.BAD or not np.isfinite(conditions).all() or not np.isfinite(values).any():
            quality = max(looked.quality, Quality.UNCERTAIN)
            return *nothing, quality, looked.reason or _unseen(fit, looked)
        whitened, std, given = self.whiten(values, conditions)
        unseen = "" if np.isfinite(values).all() else _unseen(fit, looked)
        far = self._far(conditions)
        quality = max(looked.quality, Quality.UNCERTAIN if far else Quality.GOOD)
        return whitened, std, given, quality, "; ".join(filter(None, [looked.reason, unseen, far]))

    def whiten(self, values: Array, conditions: Array) -> tuple[Array, Array, Array]:
        """(d,) raw features, NaN where not seen, and (c,) conditions to what `Features` holds of them.

        Returns (d,) whitened values, (d,) deviations, (c + 1,) conditions with the mask of what was seen.
        """
        seen = np.isfinite(values)
        standard = np.where(seen, (values - self.fit.offset) / self.fit.scale, 0.0)
        mask = float(seen @ 2.0 ** np.arange(seen.size))
        whitened = _whitened(self.fit, standard, np.array(mask))
        return whitened, np.where(seen, self.least, np.inf), np.append(conditions, mask)

    def _far(self, conditions: Array) -> str:
        p = len(self.space)
        center, scale = self.fit.surface.center[p:], self.fit.surface.scale[p:]
        for feature, value, middle, half in zip(self.fit.conditions, conditions, center, scale, strict=True):
            if abs(value - middle) > (1 + _OUTSIDE) * half:
                return f"{feature.name} is {value:g}, the model knows {middle - half:g} to {middle + half:g}"
        return ""

    def _inputs(self, theta: Array, conditions: Array) -> tuple[Array, Array]:
        """(..., q) parameters and conditions; which features were seen, as the conditions are shaped."""
        theta, conditions = np.asarray(theta, dtype=np.float64), np.asarray(conditions, dtype=np.float64)
        seen = conditions[..., -1]
        if conditions.shape[-1] == 1 and theta.ndim >= conditions.ndim:
            return theta, seen
        shape = np.broadcast_shapes(theta.shape[:-1], conditions.shape[:-1])
        theta = np.broadcast_to(theta, (*shape, theta.shape[-1]))
        conditions = np.broadcast_to(conditions, (*shape, conditions.shape[-1]))
        return np.concatenate([theta, conditions[..., :-1]], axis=-1), seen


def _unseen(fit: EmpiricalFit, looked: Looked) -> str:
    every = (*fit.features, *fit.conditions)
    names = [feature.name for feature, value in zip(every, looked.values, strict=True) if not np.isfinite(value)]
    return f"not seen: {', '.join(names)}"


def _whitened(fit: EmpiricalFit, standard: Array, seen: Array) -> Array:
    """(..., d) standardized features and (...) masks to (..., d), zero where not seen."""
    return _mixed(standard, seen, lambda mask: _whitener(_key(fit), mask).T)


def _spread(fit: EmpiricalFit, variance: Array, seen: Array) -> Array:
    """(..., d) variances of independent standardized features to those of the whitened ones."""
    return _mixed(variance, seen, lambda mask: (_whitener(_key(fit), mask) ** 2).T)


def _mixed(values: Array, seen: Array, matrix: Callable[[float], Array]) -> Array:
    """(..., d) values times the (d, d) matrix of their mask; masks () or as values without their last axis."""
    if seen.ndim == 0:
        return values @ matrix(float(seen))
    result = np.zeros(np.broadcast_shapes(values.shape, (*seen.shape, values.shape[-1])))
    values, seen = np.broadcast_to(values, result.shape), np.broadcast_to(seen, result.shape[:-1])
    for mask in np.unique(seen):
        result[seen == mask] = values[seen == mask] @ matrix(float(mask))
    return result


def _key(fit: EmpiricalFit) -> tuple[int, bytes]:
    return len(fit.features), fit.covariance.tobytes()


@lru_cache(maxsize=256)
def _whitener(key: tuple[int, bytes], mask: float) -> Array:
    """(d, d) inverse of the Cholesky factor of the covariance of the features in the mask, zero elsewhere."""
    d, content = key
    covariance = np.frombuffer(content).reshape(d, d)
    bits = int(mask) if np.isfinite(mask) else 0  # a frame that tells nothing has no mask
    seen = np.array([bits >> i & 1 == 1 for i in range(d)])
    whitener = np.zeros((d, d))
    if seen.any():
        block = np.linalg.cholesky(covariance[np.ix_(seen, seen)])
        whitener[np.ix_(seen, seen)] = np.linalg.inv(block)
    return whitener
