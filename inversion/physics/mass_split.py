"""A correction split on the positions that a plane offers: holes, blades, slots."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, lsq_linear

Array = NDArray[np.float64]

_ROUNDS = 200  # of improving a choice of weights; each lowers the cost, so it ends by itself
_THRIFT = 0.3  # a unit of mass more must bring the sum nearer by that much: no weights that undo each other


@dataclass(frozen=True)
class Split:
    """masses: (n,) at each position, zero or more; total: their vector sum; missed: distance from what was wanted."""

    masses: Array
    total: complex
    missed: float


def split(wanted: complex, angles: Array, heaviest: float = np.inf, step: float = 0.0) -> Split:
    """Masses at (n,) `angles` (rad) whose vector sum comes nearest to `wanted`, of the least total mass.

    heaviest: what one position holds; step: weights come in multiples of it, 0 for any. Where the positions cannot
    make up the vector, the nearest sum is given and `missed` says how far off it is.
    """
    if not (angles.size and heaviest > 0 and step >= 0):
        raise ValueError(f"needs positions, a positive heaviest and a step of zero or more, got {heaviest}, {step}")
    matrix = np.stack([np.cos(angles), np.sin(angles)])
    target = np.array([wanted.real, wanted.imag])
    masses = _lightest(matrix, target, heaviest)
    if step > 0:
        masses = step * _whole(matrix * step, target, masses / step, np.floor(heaviest / step + 1e-9))
    total = complex(np.sum(masses * np.exp(1j * angles)))
    return Split(masses, total, abs(total - wanted))


def _lightest(matrix: Array, target: Array, heaviest: float) -> Array:
    """Least total mass that makes the vector: a linear program; where there is none, the nearest vector."""
    n, size = matrix.shape[1], float(np.linalg.norm(target))
    if size == 0:
        return np.zeros(n)
    bound = heaviest / size
    found = linprog(np.ones(n), A_eq=matrix, b_eq=target / size, bounds=(0, bound), method="highs")
    masses = found.x if found.success else lsq_linear(matrix, target / size, bounds=(0, min(bound, 1e9))).x
    tidy: Array = np.where(masses * size > 1e-9 * size, masses * size, 0.0)
    return tidy


def _whole(matrix: Array, target: Array, start: Array, most: float) -> Array:
    """Whole numbers of steps near `start` with the smallest error, by moves of one step at one or two positions."""
    counts = np.clip(np.round(start), 0, most)
    n = counts.size
    near = np.argsort(-(np.array(target) @ matrix))[: min(n, 8)]
    single = [(int(i), change) for i in near for change in (-1, 1)]
    moves = [(move,) for move in single] + list(itertools.combinations(single, 2))
    steps = np.zeros((len(moves), n))
    for row, move in enumerate(moves):
        for i, change in move:
            steps[row, i] += change
    for _ in range(_ROUNDS):
        trial = counts + steps
        cost = _cost(matrix, target, trial)
        cost[((trial < 0) | (trial > most)).any(axis=1)] = np.inf
        best = int(cost.argmin())
        if not cost[best] < (1 - 1e-9) * _cost(matrix, target, counts[None])[0]:
            break
        counts = trial[best]
    return counts


def _cost(matrix: Array, target: Array, counts: Array) -> Array:
    """(b, n) counts of steps to (b,): how far the sum is off, and a little for the mass itself."""
    step = float(np.linalg.norm(matrix[:, 0]))
    cost: Array = np.linalg.norm(counts @ matrix.T - target, axis=1) + _THRIFT * step * counts.sum(axis=1)
    return cost
