"""How much worse one network is than another, and how far that may be chance: machines drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from inversion.training.network.judge import Bin, Told, scores

Array = NDArray[np.float64]

_DRAWS = 1000
_RANGE = (0.05, 0.95)


def ratio(ours: Array, theirs: Array, machine: NDArray[np.int64], seed: int) -> tuple[float, float, float]:
    """Mean of `ours` over that of `theirs`, and its 90 % range over machines drawn with replacement. All (m,).

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 8.
    """
    _, of = np.unique(machine, return_inverse=True)
    sums = np.stack([np.bincount(of, weights=each) for each in (ours, theirs)])
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, sums.shape[1], (_DRAWS, sums.shape[1]))
    above, below = sums[:, drawn].sum(axis=2)
    low, high = np.quantile(above / below, _RANGE)
    return float(ours.mean() / theirs.mean()), float(low), float(high)


def ratio_rows(
    names: tuple[str, str],
    ours: Told,
    theirs: Told,
    truth: Array,
    bins: Sequence[Bin],
    machine: NDArray[np.int64],
    seed: int,
) -> Iterator[tuple[str, str]]:
    """What, and by how much: interval score and RMSE in every bin that holds a truth. machine: (n,)"""
    figures = [(scores(each, truth), (each.value - truth) ** 2) for each in (ours, theirs)]
    for one in bins:
        row, column = np.nonzero(one.inside & np.isfinite(truth))
        if not row.size:
            continue
        told = []
        for what, part, power in (("score", 0, 1.0), ("RMSE", 1, 0.5)):
            mine, other = (each[part][row, column] for each in figures)
            if other.mean() > 0:
                value, low, high = (each**power for each in ratio(mine, other, machine[row], seed))
                told.append(f"{what} {value:.3f} times ({low:.3f} to {high:.3f})")
        yield f"{one.name}, {one.words}: {' over '.join(names)}", f"{', '.join(told)}, {row.size} windows"
