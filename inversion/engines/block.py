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
from inversion.engines import costs
from inversion.engines.whitened import whitened

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
        """Loss (b, l), gradient (b, l, f), curvature (b, l, f, f) and Hessian (b, l, f, f) of b times l points.

        latent: (b, l, q); owner: (b,) the window that the l points belong to; free: (f,) coordinates with a prior

        The loss is what the misfits cost and half the sum of squared free coordinates; a robust misfit costs by the
        logarithm of its size (Lange, Little & Taylor, J. Am. Stat. Assoc. 84 (1989) 881-896). Where the deviation
        depends on the parameters, its logarithm is a part of the likelihood; half of it counts as a squared misfit.

        The curvature is Gauss-Newton's, from which integrals are taken: of a censored value it is lower than the second
        derivative, as is the curvature of its cost on the whole, which grows to one side only. Steps go by the Hessian:
        it has that derivative, and what the way from latent space adds, where it adds, beside a bound most of all.
        """
        tangent, steep = self._tangent(latent, owner, free)
        deviation, widened, widening = self._deviation(tangent, owner)
        misfit = np.ascontiguousarray((tangent.prediction - self._targets[owner][:, None]) / deviation)
        cost = self._costs(misfit, owner)
        moved = latent[..., free]
        loss = _loss(cost.nats, widened) + 0.5 * np.add.reduce(moved * moved, axis=-1)
        ways = whitened(tangent, deviation, misfit, widening)
        gradient, curvature = ways.pulled(cost.pull), ways.products(cost.weight)
        hessian = curvature if cost.bend is cost.weight else ways.products(cost.bend)
        if widened is not None and widening is not None:
            gradient += np.add.reduce(widening, axis=-1)
            root = widening / np.sqrt(2 * np.maximum(widened, _TINY))[..., None, :]
            more = np.matmul(root, root.swapaxes(-1, -2))
            curvature, hessian = curvature + more, hessian + more
        gradient *= steep
        prior, steep = np.eye(free.size), steep[..., None] * steep[..., None, :]
        bend = np.maximum(gradient * (-LOGISTIC * np.tanh(LOGISTIC / 2 * moved)), 0.0)
        return (
            loss,
            gradient + moved,
            curvature * steep + prior,
            hessian * steep + (1 + bend)[..., None] * prior,
        )

    def losses(self, latent: Array, owner: Index) -> Array:
        """(b, l) losses of points as in `evaluate`, without a prior."""
        tangent, _ = self._tangent(latent, owner, owner[:0])
        return self._lost(tangent, owner)

    def losses_everywhere(self, latent: Array) -> Array:
        """(W, b, l) losses of the same points (b, l, q) in every window, without a prior; the conditions are alike."""
        owner = np.zeros(len(latent), dtype=np.intp)
        tangent, _ = self._tangent(latent, owner, owner[:0])
        return np.array([self._lost(tangent, owner + window) for window in range(len(self))])

    def _lost(self, tangent: Tangent, owner: Index) -> Array:
        deviation, widened, _ = self._deviation(tangent, owner)
        misfit = (tangent.prediction - self._targets[owner][:, None]) / deviation
        if np.isinf(self.freedom):
            return _loss(costs.plain_nats(misfit, self._censored[owner][:, None]), widened)
        return _loss(self._costs(misfit, owner).nats, widened)

    @cached_property
    def alike(self) -> bool:
        """Whether all windows were taken under the same conditions, so that the same is predicted of them."""
        return bool(np.all(self.conditions == self.conditions[:1]))

    def misfit(self, latent: Array) -> Array:
        """(W, q), a point a window, to (W,) sum of squares of whitened residuals, none of them robust."""
        owner = np.arange(len(self))
        tangent, _ = self._tangent(latent[:, None], owner, owner[:0])
        deviation, _, _ = self._deviation(tangent, owner)
        misfit = (tangent.prediction - self._targets[:, None]) / deviation
        total: Array = 2 * np.add.reduce(costs.plain(misfit, self._censored[:, None]).nats, axis=-1)[:, 0]
        return total

    def _deviation(self, tangent: Tangent, owner: Index) -> tuple[Array, Array | None, Array | None]:
        """Of values about their prediction; the logarithm of how much the model widens it, and its derivatives."""
        std = self.std[owner][:, None]
        if tangent.spread is None or tangent.spread_slope is None:
            return std, None, None
        deviation = np.sqrt(std * std + tangent.spread * tangent.spread)
        widening = tangent.spread_slope * (tangent.spread / (deviation * deviation))[..., None, :]
        return deviation, np.log(np.maximum(deviation / std, 1.0)), widening

    def _costs(self, misfit: Array, owner: Index) -> costs.Costs:
        censored = self._censored[owner][:, None]
        if np.isinf(self.freedom):
            return costs.plain(misfit, censored)
        return costs.robust(misfit, censored, self.freedom)

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
        low, span = self.space.low[free], self.space.span[free]
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


def _loss(cost: Array, widened: Array | None) -> Array:
    nats: Array = np.add.reduce(cost, axis=-1)
    return nats if widened is None else nats + np.add.reduce(widened, axis=-1)
