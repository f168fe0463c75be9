"""Marginals of a Gaussian that is cut to the unit box, by expectation propagation.

Each wall pair acts on the other parameters as a Gaussian factor that gives the right mean and variance of the cut
marginal; the marginal itself is then a one-dimensional Gaussian cut at the walls, exactly integrated.
Source: Cunningham, Hennig & Lacoste-Julien, Gaussian Probabilities and Expectation Propagation, arXiv:1111.6832, 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.signal.normal import log_ndtr, ndtri_exp

Array = NDArray[np.float64]

_SWEEPS = 8
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_FAR = 8.0  # standard deviations: a wall that far away is not felt
_THIN = 1e-9  # of the range: no deviation is taken to be smaller


@dataclass(frozen=True)
class Cut:
    """n Gaussians cut to the unit box.

    center, spread: (n, p) of the Gaussian whose part inside [0, 1] is the marginal; covariance: (n, p, p) of all
    """

    center: Array
    spread: Array
    covariance: Array

    def quantiles(self, levels: Array) -> Array:
        """(k,) probabilities to (n, p, k) values in [0, 1]."""
        low, high, sign = _walls(self.center, self.spread)
        log_low, log_high = log_ndtr(low)[..., None], log_ndtr(high)[..., None]
        share = np.where(sign[..., None] > 0, levels, 1 - levels)
        z = ndtri_exp(log_high + np.log(share + (1 - share) * np.exp(log_low - log_high)))
        values = self.center[..., None] + (sign * self.spread)[..., None] * z
        return np.clip(np.maximum.accumulate(values, axis=-1), 0.0, 1.0)


def cut(precision: Array, pull: Array) -> Cut:
    """The Gaussians exp(-x' P x / 2 + h' x), cut. precision: (n, p, p) P, positive definite; pull: (n, p) h."""
    n, p = pull.shape
    tau, nu = np.zeros((n, p)), np.zeros((n, p))
    for _ in range(_SWEEPS):
        covariance: Array = np.linalg.inv(precision + tau[:, :, None] * np.eye(p)).astype(np.float64)
        mean = _times(covariance, pull + nu)
        for i in range(p):
            covariance, mean = _visit(i, covariance, mean, tau, nu)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    cavity = 1 / variance - tau
    return Cut((mean / variance - nu) / cavity, np.maximum(np.sqrt(1 / cavity), _THIN), covariance)


def _visit(i: int, covariance: Array, mean: Array, tau: Array, nu: Array) -> tuple[Array, Array]:
    """Renews the factor of the i-th wall pair in `tau` and `nu`; the Gaussian that follows from it."""
    variance = covariance[:, i, i].copy()
    cavity = 1 / variance - tau[:, i]
    center = (mean[:, i] / variance - nu[:, i]) / cavity
    spread = np.sqrt(1 / cavity)
    cut_mean, cut_variance = _moments(center, spread)
    felt = (center - _FAR * spread < 0) | (center + _FAR * spread > 1)
    tau_new = np.where(felt, np.maximum(1 / cut_variance - cavity, 0.0), 0.0)
    nu_new = np.where(felt, cut_mean * (tau_new + cavity) - center * cavity, 0.0)
    more, pulled = tau_new - tau[:, i], nu_new - nu[:, i]
    tau[:, i], nu[:, i] = tau_new, nu_new
    column = covariance[:, :, i].copy()
    scale = 1 / (1 + more * variance)
    moved = mean + ((pulled - more * mean[:, i]) * scale)[:, None] * column
    return covariance - ((more * scale)[:, None] * column)[:, :, None] * column[:, None, :], moved


def _moments(center: Array, spread: Array) -> tuple[Array, Array]:
    """(n,) mean and variance of the part inside [0, 1]: Gauss-Legendre where that part has its mass."""
    top = np.clip(center, 0.0, 1.0)
    distance = np.abs(center - top)
    reach = 9 * np.minimum(spread, 4 * spread**2 / np.maximum(distance, 1e-300))
    low, high = np.maximum(top - reach, 0.0), np.minimum(top + reach, 1.0)
    half = (high - low) / 2
    offset = half[:, None] * (1 + _NODES)  # from `low`: no digits are lost where the part is thin
    exponent = -0.5 * ((low - center)[:, None] + offset) ** 2 / spread[:, None] ** 2
    weight = _WEIGHTS * np.exp(exponent - exponent.max(axis=1, keepdims=True))
    total = weight.sum(axis=1)
    mean = (weight * offset).sum(axis=1) / total
    variance = (weight * (offset - mean[:, None]) ** 2).sum(axis=1) / total
    return low + mean, np.maximum(variance, _THIN**2)


def _walls(center: Array, spread: Array) -> tuple[Array, Array, Array]:
    """The walls in standard deviations, mirrored into the lower tail where they are in the upper: there digits last."""
    low, high = -center / spread, (1 - center) / spread
    sign = np.where(low + high > 0, -1.0, 1.0)
    return np.where(sign > 0, low, -high), np.where(sign > 0, high, -low), sign


def _times(matrices: Array, vectors: Array) -> Array:
    """(n, p, p) times (n, p), a row at a time: the same bytes in any batch."""
    return np.array([matrix @ vector for matrix, vector in zip(matrices, vectors, strict=True)]).reshape(vectors.shape)
