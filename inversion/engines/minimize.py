"""Damped Gauss-Newton over many starting points at once, for a block of parameters of a forward model.

Source of the damping: Marquardt, J. SIAM 11 (1963) 431-441.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from inversion.core import ForwardModel
from inversion.core.spread import Spreading

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_STEP = 1e-4  # latent, of a forward difference
_LONGEST = 2.0  # latent, of one step
_DAMPING = 1e-3


@dataclass(frozen=True)
class Block:
    """What one frame says of a block of parameters; all other parameters stay at their prior mean.

    parameters: (q,) indices into the space; observables: (m,) indices of those that inform the block
    values, std, limit: (m,) as in Features; conditions: (c,)
    freedom: degrees of freedom of the t distribution that residuals follow; infinite: the normal one
    """

    model: ForwardModel
    parameters: Index
    observables: Index
    values: Array
    std: Array
    limit: Array
    conditions: Array
    freedom: float = np.inf

    def to_latent(self, k: int, theta: Array) -> Array:
        """(g,) values of the block's k-th parameter, in latent space."""
        space, i = self.model.space, int(self.parameters[k])
        full = np.repeat(space.low[None], theta.size, axis=0)
        full[:, i] = theta
        latent: Array = space.to_latent(full)[:, i]
        return latent

    def theta(self, latent: Array) -> Array:
        """(..., q) latent to (..., p) SI."""
        full = np.zeros((*latent.shape[:-1], len(self.model.space)))
        full[..., self.parameters] = latent
        return self.model.space.from_latent(full)

    def predict(self, latent: Array) -> Array:
        """(..., q) latent to (..., m) predicted observables."""
        prediction: Array = self.model.simulate(self.theta(latent), self.conditions)[..., self.observables]
        return prediction

    def deviation(self, latent: Array) -> Array:
        """(..., m) of values about their prediction, or (m,): with what the prediction itself is uncertain by."""
        if not isinstance(self.model, Spreading):
            return self.std
        spread: Array = self.model.spread(self.theta(latent), self.conditions)[..., self.observables]
        return np.hypot(self.std, spread)

    def misfits(self, latent: Array) -> Array:
        """(..., q) to (..., m) whitened residuals; of a censored value, the root of -2 log P(it stayed below)."""
        return self._misfits(latent, self.deviation(latent))

    def residuals(self, latent: Array) -> Array:
        """(..., q) to (..., m) or (..., 2 m): half their sum of squares is the loss, up to a constant.

        The misfits, robust where so asked: outliers then count by the logarithm of their size (Lange, Little & Taylor,
        J. Am. Stat. Assoc. 84 (1989) 881-896). Where the deviation depends on the parameters, its logarithm, which is a
        part of the likelihood, comes as m more.
        """
        deviation = self.deviation(latent)
        misfits = self._misfits(latent, deviation)
        if np.isfinite(self.freedom):
            compressed = np.sqrt((self.freedom + 1) * np.log1p(misfits**2 / self.freedom))
            misfits = np.where(self.values <= self.limit, misfits, np.sign(misfits) * compressed)
        if deviation is self.std:
            return misfits
        return np.concatenate([misfits, np.sqrt(2 * np.log(np.maximum(deviation / self.std, 1.0)))], axis=-1)

    def _misfits(self, latent: Array, deviation: Array) -> Array:
        prediction = self.predict(latent)
        plain = (prediction - self.values) / deviation
        censored = self.values <= self.limit
        if not censored.any():
            return plain
        room = (self.limit[censored] - prediction[..., censored]) / deviation[..., censored]
        plain[..., censored] = np.sqrt(-2 * log_ndtr(room))
        return plain


def descend(block: Block, latent: Array, held: NDArray[np.bool_], iterations: int) -> Array:
    """(b, q) starting points to (b, q) points of lower loss, `held` (q,) coordinates unmoved."""
    free = np.flatnonzero(~held)
    if free.size == 0:
        return latent
    latent = latent.copy()
    damping = np.full(len(latent), _DAMPING)
    residual = block.residuals(latent)
    loss = _loss(residual, latent, free)
    for _ in range(iterations):
        jacobian = _jacobian(block, latent, residual, free)
        gradient = np.einsum("bqm,bm->bq", jacobian, residual) + latent[:, free]
        curvature = np.einsum("bqm,brm->bqr", jacobian, jacobian) + np.eye(free.size)
        damped = curvature * (1 + damping[:, None, None] * np.eye(free.size))
        step = -np.linalg.solve(damped, gradient[..., None])[..., 0]
        step *= np.minimum(1.0, _LONGEST / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-12))
        trial = latent.copy()
        trial[:, free] += step
        trial_residual = block.residuals(trial)
        trial_loss = _loss(trial_residual, trial, free)
        better = trial_loss < loss
        latent[better], residual[better], loss[better] = trial[better], trial_residual[better], trial_loss[better]
        damping = np.where(better, damping / 5, damping * 10)
        if np.abs(step[better]).max(initial=0.0) < 1e-3 and better.any():
            break
    return latent


def covariance(block: Block, mode: Array) -> Array:
    """(q,) mode to (q, q) covariance of the Gaussian there (Laplace), prior included."""
    every = np.arange(mode.size)
    jacobian = _jacobian(block, mode[None], block.residuals(mode[None]), every)[0]
    inverse: Array = np.linalg.inv(jacobian @ jacobian.T + np.eye(mode.size))
    return inverse


def width(block: Block, latent: Array, held: NDArray[np.bool_]) -> Array:
    """(b, q) optima to (b,): half the log-determinant of the curvature of the coordinates that are not `held`.

    Added to the loss it makes a marginal of a profile: where the free coordinates fit over a wider range, more of the
    posterior lies (Laplace's approximation: Tierney & Kadane, J. Am. Stat. Assoc. 81 (1986) 82-86).
    """
    free = np.flatnonzero(~held)
    jacobian = _jacobian(block, latent, block.residuals(latent), free)
    curvature = np.einsum("bqm,brm->bqr", jacobian, jacobian) + np.eye(free.size)
    half: Array = 0.5 * np.linalg.slogdet(curvature)[1]
    return half


def influence(model: ForwardModel, conditions: Array) -> NDArray[np.bool_]:
    """(p, d): whether a parameter moves an observable, judged at points spread over the prior."""
    p = len(model.space)
    levels = np.linspace(-2.0, 2.0, 9)
    generator = np.sqrt(np.arange(2, 2 + p)) % 1  # irrational steps: a lattice that spreads over all coordinates
    bases = np.array([((k * generator) % 1) * 4 - 2 for k in range(1, 4)])
    moved = np.repeat(np.repeat(bases[:, None, None], p, axis=1), levels.size, axis=2)
    for i in range(p):
        moved[:, i, :, i] = levels
    prediction = model.simulate(model.space.from_latent(moved), conditions)
    linked: NDArray[np.bool_] = (np.ptp(prediction, axis=2) > 0).any(axis=0)
    return linked


def _loss(residual: Array, latent: Array, free: Index) -> Array:
    total: Array = 0.5 * np.sum(residual**2, axis=1) + 0.5 * np.sum(latent[:, free] ** 2, axis=1)
    return total


def _jacobian(block: Block, latent: Array, residual: Array, free: Index) -> Array:
    """(b, f, m) derivatives of the residuals by the free coordinates."""
    shifted = np.repeat(latent[:, None], free.size, axis=1)
    shifted[:, np.arange(free.size), free] += _STEP
    jacobian: Array = (block.residuals(shifted) - residual[:, None]) / _STEP
    return jacobian
