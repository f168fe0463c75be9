"""A smooth surface with its own uncertainty: polynomial of second degree plus smooth bumps along each input.

Bayesian linear regression (Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press 2006, section 2.1):
the weights have a zero-mean normal prior, so that where data are absent the deviation grows instead of the surface
being believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]

BUMPS = 9  # along each input
_OVERLAP = 1.3  # width of a bump in units of their spacing
_REACH = 1.5  # inputs beyond this many half ranges are taken as there


def basis(inputs: Array, bumps: int = BUMPS) -> Array:
    """(..., q) inputs, -1 to 1 over their range, to (..., m) basis functions: 1, linear, quadratic, then the bumps."""
    return basis_tangent(inputs, np.zeros(0, dtype=np.intp), bumps)[..., 0, :]


def basis_tangent(inputs: Array, by: Index, bumps: int = BUMPS) -> Array:
    """(..., 1 + f, m): the basis functions, then their derivatives by some inputs. inputs: (..., q); by: (f,)."""
    u = np.minimum(np.maximum(np.asarray(inputs, dtype=np.float64), -_REACH), _REACH)
    q = u.shape[-1]
    first, second = _pairs(q)
    polynomial, count = functions(q, bumps)
    made = np.zeros((*u.shape[:-1], 1 + by.size, count))
    made[..., 0, 0] = 1
    made[..., 0, 1 : 1 + q] = u
    made[..., 0, 1 + q : polynomial] = u[..., first] * u[..., second]
    centers, width = _bumps(bumps)
    off = (u[..., None] - centers) / width
    hills = np.exp(-0.5 * off * off)
    made[..., 0, polynomial:] = hills.reshape(*u.shape[:-1], q * bumps)
    for row, j in enumerate(by.tolist(), start=1):
        made[..., row, 1 + j] = 1
        made[..., row, 1 + q : polynomial] = np.matmul(u, _by_one(q)[j])
        here = slice(polynomial + j * bumps, polynomial + (j + 1) * bumps)
        np.multiply(hills[..., j, :], off[..., j, :] / -width, out=made[..., row, here])
        beyond = np.abs(inputs[..., j]) > _REACH
        if beyond.any():
            made[..., row, :][beyond] = 0.0
    return made


@lru_cache(maxsize=16)
def _bumps(bumps: int) -> tuple[Array, float]:
    """Centers and common width of the bumps along an input."""
    return (np.linspace(-1, 1, bumps) if bumps else np.zeros(0)), _OVERLAP * 2 / max(bumps - 1, 1)


@lru_cache(maxsize=16)
def _by_one(q: int) -> Array:
    """(q, q, pairs): the derivatives of the products of two inputs by each of the inputs, from the inputs."""
    first, second = _pairs(q)
    one = np.eye(q)
    return one[first].T[:, None] * one[second].T + one[second].T[:, None] * one[first].T


@lru_cache(maxsize=16)
def _pairs(q: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first, second = np.triu_indices(q)
    return first, second


def functions(q: int, bumps: int = BUMPS) -> tuple[int, int]:
    """How many basis functions q inputs have: of the polynomial, and in all."""
    polynomial = 1 + q + q * (q + 1) // 2
    return polynomial, polynomial + q * bumps


@dataclass(frozen=True)
class SurfaceTangent:
    """mean, variance: (..., d) of surfaces at some points; with slope: (..., f, d) their derivatives by f inputs."""

    mean: Array
    mean_slope: Array
    variance: Array
    variance_slope: Array


@dataclass(frozen=True)
class Surface:
    """d surfaces over q inputs.

    center, scale: (q,) inputs are taken as (x - center) / scale
    weights: (m, d) means; covariance: (d, m, m) of the weights, scaled so that the noise has deviation 1
    """

    center: Array
    scale: Array
    weights: Array
    covariance: Array
    bumps: int = BUMPS

    def mean(self, x: Array) -> Array:
        """(..., q) to (..., d)."""
        result: Array = basis((x - self.center) / self.scale, self.bumps) @ self.weights
        return result

    def deviation(self, x: Array) -> Array:
        """(..., q) to (..., d): one standard deviation of the mean, which data that are far away leave uncertain."""
        phi = basis((x - self.center) / self.scale, self.bumps)
        d, m, _ = self.covariance.shape
        along = (phi @ self._factors).reshape(*phi.shape[:-1], d, m)
        result: Array = np.sqrt(np.einsum("...dm,...dm->...d", along, along))
        return result

    def tangent(self, x: Array, by: Index) -> SurfaceTangent:
        """At points x (b, l, q), by some of the inputs (f,)."""
        both = basis_tangent((x - self.center) / self.scale, by, self.bumps)
        both[..., 1:, :] /= self.scale[by][:, None]
        b, lanes, rows, m = both.shape
        means = np.matmul(both.reshape(b, lanes * rows, m), self.weights).reshape(b, lanes, rows, -1)
        through = np.matmul(both[..., 0, :], self._side_by_side).reshape(b, lanes, -1, m)
        quadratic = np.matmul(both, through.swapaxes(-1, -2))
        return SurfaceTangent(means[..., 0, :], means[..., 1:, :], quadratic[..., 0, :], 2 * quadratic[..., 1:, :])

    @cached_property
    def _side_by_side(self) -> Array:
        """(m, d m) the covariances."""
        return np.concatenate(list(self.covariance), axis=1)

    @cached_property
    def _factors(self) -> Array:
        """(m, d m) square roots of the covariances, side by side."""
        power, axes = np.linalg.eigh(self.covariance)
        roots = axes * np.sqrt(np.maximum(power, 0.0))[:, None, :]
        return np.concatenate(list(roots), axis=1)


def fit(u: Array, values: Array, weight: Array, prior: Array, bumps: int = BUMPS) -> tuple[Array, Array]:
    """Weights (m,) and their covariance (m, m), of one surface.

    u: (n, q) inputs, -1 to 1; values: (n,) with noise of deviation 1 / sqrt(weight); prior: (m,) deviations
    """
    phi = basis(u, bumps)
    precision = (phi * weight[:, None]).T @ phi + np.diag(prior**-2.0)
    covariance = np.linalg.inv(precision)
    return covariance @ (phi.T @ (weight * values)), 0.5 * (covariance + covariance.T)
