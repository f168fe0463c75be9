"""Profiles of the loss along one parameter: all others are re-optimized at every point of a grid.

Where the loss lives the grid is refined; windows that need it go on together, the others are done.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core import QUANTILE_LEVELS
from inversion.engines import minimize
from inversion.engines.block import Block
from inversion.engines.nuisance import bounded

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_NATS = 10.0  # below its maximum by that much, a profile does not matter
_COLD = (-1.0, 0.0, 1.0)  # latent, of all other parameters: starts at each point of the first grid
_APART = 0.5  # latent: places that differ more may belong to different minima
_WARMEST = 3.0  # latent: further from the prior no start is put


@dataclass(frozen=True)
class Grid:
    """grid: points of the first pass; passes: refinements; iterations: Gauss-Newton steps at each point."""

    grid: int
    passes: int
    iterations: int


@dataclass(frozen=True)
class Profile:
    """Of one window: (g,) values of the parameter, SI, (g,) loss there in nats, (g, q) where in latent space."""

    theta: Array
    loss: Array
    latent: Array

    def lowest(self, k: int | None = None) -> tuple[float, Array]:
        """The least loss and where (q,); with the prior of the k-th parameter in it where k is given."""
        loss = self.loss if k is None else self.loss + 0.5 * self.latent[:, k] ** 2
        at = int(loss.argmin())
        return float(loss[at]), self.latent[at]

    def quantiles(self) -> Array:
        """Of exp(-loss) with a uniform prior in theta, at QUANTILE_LEVELS."""
        density = np.exp(self.loss.min() - self.loss)
        mass = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(self.theta))])
        return np.interp(QUANTILE_LEVELS, mass / mass[-1], self.theta)


def profiles(block: Block, k: int, how: Grid, modes: minimize.Places | None) -> list[Profile]:
    """One a window, of the block's k-th parameter. modes: of each window, of a block of several parameters."""
    windows, best = np.arange(len(block)), np.full(len(block), np.inf)
    theta = np.linspace(block.space.low[k], block.space.high[k], how.grid)
    theta = np.repeat(theta[None], windows.size, axis=0)
    if modes is None:
        loss, latent = _losses(block, k, theta, np.zeros((theta.size, 1)), windows, 0, best)
    else:
        loss, latent = _first(block, k, theta, how, modes, best)
    done: dict[int, Profile] = {}
    for _ in range(how.passes - 1):
        alive = loss <= loss.min(axis=1, keepdims=True) + _NATS  # at a huge loss, also where that adds nothing
        open_ = alive.sum(axis=1) < how.grid // 2
        done.update(_told(windows[~open_], theta[~open_], loss[~open_], latent[~open_]))
        windows, theta, loss, latent, alive = (each[open_] for each in (windows, theta, loss, latent, alive))
        if not windows.size:
            break
        finer = _finer(theta, alive, how.grid)
        more, places = _losses(block, k, finer, _between(k, theta, latent, finer), windows, how.iterations, best)
        theta, loss = np.concatenate([theta, finer], axis=1), np.concatenate([loss, more], axis=1)
        latent = np.concatenate([latent, places], axis=1)
        order = np.argsort(theta, axis=1, kind="stable")
        theta, loss = (np.take_along_axis(each, order, axis=1) for each in (theta, loss))
        latent = np.take_along_axis(latent, order[..., None], axis=1)
    done.update(_told(windows, theta, loss, latent))
    return [done[window] for window in range(len(block))]


def _told(windows: Index, theta: Array, loss: Array, latent: Array) -> dict[int, Profile]:
    rows = zip(windows.tolist(), theta, loss, latent, strict=True)
    return {window: Profile(*row) for window, *row in rows}


def _finer(theta: Array, alive: NDArray[np.bool_], grid: int) -> Array:
    """(W, grid - 2) values between the points beside those that are alive."""
    last = theta.shape[1] - 1
    low = np.maximum(alive.argmax(axis=1) - 1, 0)
    high = np.minimum(last - alive[:, ::-1].argmax(axis=1) + 1, last)
    low, high = (np.take_along_axis(theta, each[:, None], axis=1) for each in (low, high))
    return low + (high - low) * (np.arange(1, grid - 1) / (grid - 1))


def _between(k: int, theta: Array, latent: Array, finer: Array) -> Array:
    """(W, h, q) where places are to be expected: between those of both neighbors, or beside one where they differ."""
    right = np.add.reduce(finer[..., None] >= theta[:, None], axis=2)
    ends = [np.take_along_axis(theta, each, axis=1) for each in (right - 1, right)]
    before, after = (np.take_along_axis(latent, each[..., None], axis=1) for each in (right - 1, right))
    share = ((finer - ends[0]) / (ends[1] - ends[0]))[..., None]
    smooth = (
        np.abs(after - before).max(axis=2, keepdims=True, where=np.arange(latent.shape[2]) != k, initial=0) < _APART
    )
    return np.where(smooth, before + share * (after - before), np.where(share < 0.5, before, after))


def _first(block: Block, k: int, theta: Array, how: Grid, modes: minimize.Places, best: Array) -> tuple[Array, Array]:
    """Losses and places on the first grid (W, g), from the best of several starts each."""
    q, owner = len(block.space), np.repeat(np.arange(len(block)), theta.shape[1])
    others, along = np.flatnonzero(np.arange(q) != k), block.to_latent(k, theta)
    warm = _beside(modes, k, along).reshape(-1, q)
    warm[:, k] = along.ravel()
    cold = np.repeat(np.array(_COLD)[:, None], q, axis=1) * np.ones((theta.shape[1], 1, 1))
    cold[..., k] = along[0, :, None]
    losses = minimize.losses_everywhere(block, cold.reshape(-1, q)).reshape(-1, len(_COLD))
    losses += np.tile(0.5 * np.add.reduce(cold[..., others] ** 2, axis=2), (len(block), 1))
    nearest = minimize.losses(block, warm, owner) + 0.5 * np.add.reduce(warm[:, others] ** 2, axis=1)
    better = np.flatnonzero(losses.min(axis=1) < nearest)
    warm[better] = cold[better % theta.shape[1], losses[better].argmin(axis=1)]
    places = minimize.look(block, warm, owner, others)
    return _marginal(block, minimize.descend(block, places, others, how.iterations, best), others, theta)


def _beside(modes: minimize.Places, k: int, along: Array) -> Array:
    """(W, g, q) where the other parameters would follow the k-th, `along` (W, g) latent, were all of it Gaussian."""
    inverse = np.linalg.inv(modes.curvature)
    follow = inverse[:, :, k] / inverse[:, k, k, None]
    moved = modes.latent[:, None] + follow[:, None] * (along - modes.latent[:, k, None])[..., None]
    return np.clip(moved, -_WARMEST, _WARMEST)


def _losses(
    block: Block, k: int, theta: Array, start: Array, windows: Index, iterations: int, best: Array
) -> tuple[Array, Array]:
    """(W, g) lowest loss at each `theta` (W, g), as a marginal, and (W, g, q) where."""
    latent = start.reshape(-1, len(block.space)).copy()
    latent[:, k] = block.to_latent(k, theta).ravel()
    others, owner = np.flatnonzero(np.arange(len(block.space)) != k), np.repeat(windows, theta.shape[1])
    if not others.size:
        return minimize.losses(block, latent, owner).reshape(theta.shape), latent.reshape(*theta.shape, 1)
    places = minimize.look(block, latent, owner, others)
    return _marginal(block, minimize.descend(block, places, others, iterations, best), others, theta)


def _marginal(block: Block, places: minimize.Places, others: Index, theta: Array) -> tuple[Array, Array]:
    loss = places.loss + minimize.width(places)
    nuisances = np.flatnonzero([block.space.parameters[i].nuisance for i in others])
    if nuisances.size:
        loss -= bounded(places, others, nuisances)
    return loss.reshape(theta.shape), places.latent.reshape(*theta.shape, -1)
