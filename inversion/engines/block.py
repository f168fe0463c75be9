"""What some windows say of a block of parameters: the loss of any point, its gradient and its curvature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inversion.core import AffineModel, ForwardModel, ParameterSpace
from inversion.core.parameter import LOGISTIC
from inversion.core.spread import Spreading
from inversion.core.tangent import Differentiable, Tangent
from inversion.engines.censored import stayed_below

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_STEP = 1e-4  # latent, of a forward difference
_TINY = 1e-12


@dataclass(frozen=True)
class Block:
    """What W windows say of a block of parameters; all other parameters stay at their prior mean.

    parameters: (q,) indices into the space; observables: (m,) indices of those that inform the block
    values, std, limit: (W, m) as in Features; conditions: (W, c)
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

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def space(self) -> ParameterSpace:
        """The block's parameters."""
        return ParameterSpace(tuple(self.model.space.parameters[i] for i in self.parameters))

    @cached_property
    def _censored(self) -> NDArray[np.bool_]:
        return self.values <= self.limit

    @cached_property
    def _targets(self) -> Array:
        """(W, m) what a prediction is compared with: the value, or the limit of detection that it stayed below."""
        return np.where(self._censored, self.limit, self.values)

    @cached_property
    def _elsewhere(self) -> Array:
        """(p,) prior means, SI."""
        space = self.model.space
        return space.from_latent(np.zeros(len(space)))

    def to_latent(self, k: int, theta: Array) -> Array:
        """(...) values of the block's k-th parameter, in latent space."""
        full = np.repeat(self.space.low[None], theta.size, axis=0)
        full[:, k] = theta.ravel()
        latent: Array = self.space.to_latent(full)[:, k].reshape(theta.shape)
        return latent

    def evaluate(self, latent: Array, owner: Index, free: Index) -> tuple[Array, Array, Array, Array]:
        """Loss (b, l), gradient (b, l, f), Gauss-Newton curvature (b, l, f, f) and bend (b, l, f) of b times l points.

        latent: (b, l, q); owner: (b,) the window that the l points belong to; free: (f,) coordinates with a prior

        The loss is half the sum of squared residuals and of squared free coordinates. A robust residual counts by the
        logarithm of its size (Lange, Little & Taylor, J. Am. Stat. Assoc. 84 (1989) 881-896). Where the deviation
        depends on the parameters, its logarithm is a part of the likelihood; half of it counts as a squared residual.
        The bend is what the way from latent space adds to the curvature, where it adds: beside a bound most of all.
        """
        tangent, steep = self._tangent(latent, owner, free)
        residual, slope, widened, widening = self._residuals(tangent, owner)
        moved = latent[..., free]
        loss = _loss(residual, widened) + 0.5 * np.add.reduce(moved * moved, axis=-1)
        gradient = np.matmul(slope, residual[..., None])[..., 0]
        curvature = np.matmul(slope, slope.swapaxes(-1, -2))
        if widened is not None and widening is not None:
            gradient += np.add.reduce(widening, axis=-1)
            root = widening / np.sqrt(2 * np.maximum(widened, _TINY))[..., None, :]
            curvature += np.matmul(root, root.swapaxes(-1, -2))
        gradient *= steep
        curvature = curvature * (steep[..., None] * steep[..., None, :]) + np.eye(free.size)
        bend = np.maximum(gradient * (-LOGISTIC * np.tanh(LOGISTIC / 2 * moved)), 0.0)
        return loss, gradient + moved, curvature, bend

    def losses(self, latent: Array) -> Array:
        """(W, b, l) losses of the same points (b, l, q) in every window, without a prior; the conditions are alike."""
        owner = np.zeros(len(latent), dtype=np.intp)
        tangent, _ = self._tangent(latent, owner, owner[:0])
        found = []
        for window in range(len(self)):
            residual, _, widened, _ = self._residuals(tangent, owner + window)
            found.append(_loss(residual, widened))
        return np.array(found)

    @cached_property
    def alike(self) -> bool:
        """Whether all windows were taken under the same conditions, so that the same is predicted of them."""
        return bool(np.all(self.conditions == self.conditions[:1]))

    def misfit(self, latent: Array) -> Array:
        """(W, q), a point a window, to (W,) sum of squares of whitened residuals, none of them robust."""
        tangent, _ = self._tangent(latent[:, None], np.arange(len(self)), np.zeros(0, dtype=np.intp))
        deviation, _, _ = self._deviation(tangent, np.arange(len(self)))
        plain, _ = self._misfits(tangent.prediction, deviation, np.arange(len(self)))
        total: Array = np.add.reduce(plain * plain, axis=-1)[:, 0]
        return total

    def _residuals(self, tangent: Tangent, owner: Index) -> tuple[Array, Array, Array | None, Array | None]:
        """(b, l, m) residuals and (b, l, f, m) derivatives; of the logarithm of the deviation too, where it varies."""
        deviation, widened, widening = self._deviation(tangent, owner)
        misfit, by_prediction = self._misfits(tangent.prediction, deviation, owner)
        if np.isfinite(self.freedom):
            misfit, bent = self._compressed(misfit, owner)
            by_prediction = by_prediction * bent
        slope = tangent.slope * by_prediction[..., None, :]
        if widening is not None:
            by_deviation = by_prediction * (self._targets[owner][:, None] - tangent.prediction)
            slope = slope + widening * by_deviation[..., None, :]
        return misfit, slope, widened, widening

    def _deviation(self, tangent: Tangent, owner: Index) -> tuple[Array, Array | None, Array | None]:
        """Of values about their prediction; the logarithm of how much the model widens it, and its derivatives."""
        std = self.std[owner][:, None]
        if tangent.spread is None or tangent.spread_slope is None:
            return std, None, None
        deviation = np.sqrt(std * std + tangent.spread * tangent.spread)
        widening = tangent.spread_slope * (tangent.spread / (deviation * deviation))[..., None, :]
        return deviation, np.log(np.maximum(deviation / std, 1.0)), widening

    def _misfits(self, prediction: Array, deviation: Array, owner: Index) -> tuple[Array, Array]:
        """(b, l, m) whitened residuals; of a censored value the root of -2 log P(it stayed below).

        Then their derivatives by the prediction.
        """
        weight = 1 / deviation
        misfit = (prediction - self._targets[owner][:, None]) * weight
        censored = self._censored[owner][:, None]
        if not censored.any():
            return misfit, weight
        if censored.all():
            root, steep = stayed_below(-misfit)
            steep *= weight
            return root, steep
        root, steep = stayed_below(np.where(censored, -misfit, 0.0))
        return np.where(censored, root, misfit), np.where(censored, steep, 1.0) * weight

    def _compressed(self, misfit: Array, owner: Index) -> tuple[Array, Array]:
        """Robust residuals, and their derivatives by the plain ones; censored ones are left alone."""
        squared = misfit * misfit
        size = np.sqrt((self.freedom + 1) * np.log1p(squared / self.freedom))
        steep = np.sqrt((self.freedom + 1) / self.freedom)  # at nought
        bent = (self.freedom + 1) * np.abs(misfit) / ((self.freedom + squared) * np.maximum(size, _TINY))
        bent = np.where(squared < _TINY, steep, bent)
        censored = self._censored[owner][:, None]
        return np.where(censored, misfit, np.copysign(size, misfit)), np.where(censored, 1.0, bent)

    def _theta(self, latent: Array) -> Array:
        """(..., q) latent to (..., p) SI."""
        full = np.empty((*latent.shape[:-1], self._elsewhere.size))
        full[:] = self._elsewhere
        full[..., self.parameters] = self.space.from_latent(latent)
        return full

    def _tangent(self, latent: Array, owner: Index, free: Index) -> tuple[Tangent, Array]:
        """Tangent of points (b, l, q) by the free coordinates, and (b, l, f) how fast these go with the latent ones."""
        theta = self._theta(latent)
        conditions = np.repeat(self.conditions[owner][:, None], latent.shape[1], axis=1)
        by = self.parameters[free]
        if self._differentiable is not None:
            tangent = self._differentiable.tangent(theta, conditions, by, self.observables)
        elif self._affine is not None:
            tangent = self._linear(theta, owner, by, *self._affine)
        else:
            return self._differences(latent, theta, conditions, free), np.ones((*latent.shape[:-1], free.size))
        low, span = self.space.low[free], (self.space.high - self.space.low)[free]
        share = (theta[..., by] - low) / span
        return tangent, LOGISTIC * span * share * (1 - share)

    @cached_property
    def _differentiable(self) -> Differentiable | None:
        return self.model if isinstance(self.model, Differentiable) else None

    @cached_property
    def _affine(self) -> tuple[Array, Array] | None:
        """(W, p, m) and (W, m), or one for all where their conditions are alike; None where the model is not linear."""
        if not isinstance(self.model, AffineModel) or self._spreading is not None:
            return None
        found = [self.model.affine(each) for each in (self.conditions[:1] if self.alike else self.conditions)]
        matrices, offsets = (np.array([each[k][self.observables] for each in found]) for k in range(2))
        return matrices.swapaxes(-1, -2), offsets

    @cached_property
    def _spreading(self) -> Spreading | None:
        return self.model if isinstance(self.model, Spreading) else None

    def _linear(self, theta: Array, owner: Index, by: Index, matrices: Array, offsets: Array) -> Tangent:
        chosen = owner if len(matrices) > 1 else np.zeros_like(owner)
        matrix = matrices[chosen]
        return Tangent(np.matmul(theta, matrix) + offsets[chosen][:, None], matrix[:, None, by])

    def _differences(self, latent: Array, theta: Array, conditions: Array, free: Index) -> Tangent:
        """By forward differences, by the latent coordinates."""
        points = [theta]
        for k in free:
            shifted = latent.copy()
            shifted[..., k] += _STEP
            points.append(self._theta(shifted))
        together = np.stack(points)
        everywhere = np.broadcast_to(conditions, (len(points), *conditions.shape))
        predicted = self.model.simulate(together, everywhere)[..., self.observables]
        slope = np.moveaxis((predicted[1:] - predicted[0]) / _STEP, 0, -2)
        if self._spreading is None:
            return Tangent(predicted[0], slope)
        spread = self._spreading.spread(together, everywhere)[..., self.observables]
        return Tangent(predicted[0], slope, spread[0], np.moveaxis((spread[1:] - spread[0]) / _STEP, 0, -2))


def _loss(residual: Array, widened: Array | None) -> Array:
    squares: Array = 0.5 * np.add.reduce(residual * residual, axis=-1)
    return squares if widened is None else squares + np.add.reduce(widened, axis=-1)
