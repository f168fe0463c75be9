"""Damped Newton steps over many points of many windows at once, for a block of parameters of a forward model.

Points are handed to the model in lanes: eight points of one window at a time. A matrix product may round a row
differently as the number of rows changes, so a window's rows always come in the same company, and its answer is the
same, to the bit, whatever windows are beside it.

Source of the damping: Marquardt, J. SIAM 11 (1963) 431-441.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.engines.block import Block

Array = NDArray[np.float64]
Index = NDArray[np.intp]

LANES = 8
_PIECE = 65_536  # numbers in the largest array that is made at once: more would not stay in the cache
_FEWEST = 48  # lanes at once: fewer would not be worth the call
_LONGEST = 2.0  # latent, of one step
_DAMPING = 1e-3
_STILL = 1e-3  # latent: a shorter step is the last one
_NOTHING = 1e-3  # nats: no step is made for less
HOPELESS = 15.0  # nats above the best point: that far, a profile does not matter
_DOUBT = 10.0  # times the promise of a Gauss-Newton step, that much may still be gained


@dataclass(frozen=True)
class Places:
    """n points of some windows.

    latent: (n, q); owner: (n,) window of each, ascending
    loss: (n,) nats; gradient: (n, f); curvature, hessian: (n, f, f), by the free coordinates, prior included, see
        `Block.evaluate`
    """

    latent: Array
    owner: Index
    loss: Array
    gradient: Array
    curvature: Array
    hessian: Array

    def taken(self, rows: Index) -> Places:
        """Some of them."""
        latent, owner, *found = (values[rows] for values in vars(self).values())
        return Places(latent, owner, *found)


def look(block: Block, latent: Array, owner: Index, free: Index) -> Places:
    """The points as they are. latent: (n, q); owner: (n,) ascending; free: (f,) coordinates that may move."""
    index, places = _lanes(owner)
    parts = _pieces(block, index, free.size + 1)
    found = zip(*(block.evaluate(latent[part], owner[part[:, 0]], free) for part in parts), strict=True)
    joined = (np.concatenate(each) if len(parts) > 1 else each[0] for each in found)
    return Places(latent, owner, *(each.reshape(index.size, *each.shape[2:])[places] for each in joined))


def losses(block: Block, latent: Array, owner: Index) -> Array:
    """(n,) losses of points, the prior left out. latent: (n, q); owner: (n,) ascending."""
    index, places = _lanes(owner)
    parts = _pieces(block, index, 1)
    found = [block.losses(latent[part], owner[part[:, 0]]) for part in parts]
    joined: Array = np.concatenate(found).reshape(index.size)[places]
    return joined


def losses_everywhere(block: Block, latent: Array) -> Array:
    """(W, n) losses of the same points (n, q) in every window, the prior left out."""
    n, windows = len(latent), len(block)
    if not block.alike:
        owner = np.repeat(np.arange(windows), n)
        return losses(block, np.tile(latent, (windows, 1)), owner).reshape(windows, n)
    index, places = _lanes(np.zeros(n, dtype=np.intp))
    found: Array = block.losses_everywhere(latent[index]).reshape(windows, -1)[:, places]
    return found


def _pieces(block: Block, index: Index, rows: int) -> list[Index]:
    """Lanes that are looked at together. rows: numbers of an observable that one point makes."""
    piece = max(_FEWEST, _PIECE // (LANES * rows * block.observables.size))
    return [index[first : first + piece] for first in range(0, len(index), piece)]


def descend(
    block: Block, start: Places, free: Index, iterations: int, best: Array, hopeless: float = HOPELESS
) -> Places:
    """Points of lower loss. A point rests when it moves no more, or cannot come near the best one of its window.

    best: (W,) lowest loss known of each window; lowered in place
    hopeless: nats above the best point that are too far; 0 where only the lowest point is asked for
    """
    if free.size == 0 or not start.owner.size:
        return start
    latent, loss = start.latent.copy(), start.loss.copy()
    gradient, curvature, hessian = start.gradient.copy(), start.curvature.copy(), start.hessian.copy()
    owner, damping = start.owner, np.full(start.owner.size, _DAMPING)
    moving, identity = np.arange(owner.size), np.eye(free.size)
    np.minimum.at(best, owner, loss)
    for _ in range(iterations):
        slope = gradient[moving]
        damped = hessian[moving] + curvature[moving] * (damping[moving, None, None] * identity)
        step = -np.linalg.solve(damped, slope[..., None])[..., 0]
        promise = -0.5 * np.sum(slope * step, axis=1)
        near = loss[moving] - _DOUBT * promise <= best[owner[moving]] + hopeless
        worth = near & (promise > _NOTHING)
        moving, step = moving[worth], step[worth]
        if not moving.size:
            break
        longest = np.abs(step).max(axis=1)
        step *= np.minimum(1.0, _LONGEST / np.maximum(longest, 1e-12))[:, None]
        trial = latent[moving]
        trial[:, free] += step
        found = look(block, trial, owner[moving], free)
        better = found.loss < loss[moving]
        moved = moving[better]
        latent[moved], loss[moved] = trial[better], found.loss[better]
        gradient[moved], curvature[moved], hessian[moved] = (
            each[better] for each in (found.gradient, found.curvature, found.hessian)
        )
        np.minimum.at(best, owner[moved], loss[moved])
        damping[moving] *= np.where(better, 0.2, 10.0)
        moving = moving[longest >= _STILL]
    return Places(latent, owner, loss, gradient, curvature, hessian)


def width(places: Places) -> Array:
    """(n,) half the log-determinant of the curvature of the free coordinates.

    Added to the loss it makes a marginal of a profile: where the free coordinates fit over a wider range, more of the
    posterior lies (Laplace's approximation: Tierney & Kadane, J. Am. Stat. Assoc. 81 (1986) 82-86).
    """
    half: Array = 0.5 * np.linalg.slogdet(places.curvature)[1]
    return half


def _lanes(owner: Index) -> tuple[Index, Index]:
    """(b, LANES) points that go together, all of one window, the last one repeated; (n,) where each point is there."""
    if owner[0] == owner[-1]:  # one window, as in live operation: the same, without the search for its end
        rank = np.arange(-(-owner.size // LANES) * LANES)
        return np.minimum(rank, owner.size - 1).reshape(-1, LANES), rank[: owner.size]
    first = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
    count = np.diff(np.append(first, owner.size))
    blocks = -(-count // LANES)
    window = np.repeat(np.arange(first.size), blocks)
    begin = np.cumsum(blocks) - blocks
    rank = (np.arange(window.size) - begin[window])[:, None] * LANES + np.arange(LANES)
    index = first[window][:, None] + np.minimum(rank, count[window][:, None] - 1)
    places = np.arange(owner.size) + np.repeat(LANES * begin - first, count)
    return index, places
