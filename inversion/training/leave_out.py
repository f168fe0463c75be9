"""How well a model does where it was not fitted: one group of windows is left out, in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inversion.core import Engine, Estimate, Features
from inversion.forward.empirical import Empirical
from inversion.store.empirical import save
from inversion.training.fitting import fit
from inversion.training.labelled import FEWEST_GROUPS, Labelled
from inversion.training.recipe import Calibration
from sensors import Quality

Array = NDArray[np.float64]

_LEVEL = 0.9
_WIDEST = 10.0


@dataclass(frozen=True)
class LeftOut:
    """Estimates of windows of groups that the model was not fitted on. rows: (k,) which windows; one estimate each."""

    rows: NDArray[np.intp]
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True)
class Score:
    """One parameter over left-out windows, in the unit people see.

    covered: share whose 90 % interval holds the truth; width: mean of the intervals over the prior's
    unresolved: share that says "not resolvable"
    """

    name: str
    unit: str
    windows: int
    rmse: float
    bias: float
    covered: float
    width: float
    unresolved: float


def leave_groups_out(
    labelled: Labelled,
    calibration: Calibration,
    engine: Engine,
    freedom: float,
    scratch: Path,
    most: int,
    done: Callable[[int], None] = lambda _: None,
) -> LeftOut:
    """Each group inverted by a model of the others. scratch: a folder for these models; most: windows inverted in all.

    Raises CalibrationError where the others are too few.
    """
    rows: list[int] = []
    estimates: list[Estimate] = []
    stride = max(1, -(-len(labelled) // most))
    for number, name in enumerate(np.unique(labelled.group)):
        out = labelled.group == name
        path = scratch / f"{number}.npz"
        save(fit(labelled.take(~out), calibration, freedom, FEWEST_GROUPS - 1), path)
        chosen = np.flatnonzero(out)[::stride]
        estimates += invert(Empirical(path), engine, labelled.take(chosen))
        rows += chosen.tolist()
        done(number + 1)
    return LeftOut(np.array(rows), tuple(estimates))


def invert(model: Empirical, engine: Engine, labelled: Labelled) -> list[Estimate]:
    """One estimate a window, its truth not looked at."""
    made = [model.whiten(v, c) for v, c in zip(labelled.values, labelled.conditions, strict=True)]
    n = len(made)
    features = Features(
        values=np.array([each[0] for each in made]),
        std=np.array([each[1] for each in made]),
        limit=np.full((n, len(model.observables)), -np.inf),
        conditions=np.array([each[2] for each in made]),
        quality=(Quality.GOOD,) * n,
        reasons=("",) * n,
    )
    return engine.bind(model).invert(features)


def widening(found: Sequence[Estimate], theta: Array, group: NDArray[np.str_], left: str | None = None) -> float:
    """How much wider 90 % intervals must be to hold the truth in 90 % of windows of groups not fitted on; at least 1.

    theta: (n, p), SI; group: (n,), each group weighs the same; left: a group that is not looked at.
    Source: split-conformal calibration of normalized errors (Lei et al., J. Am. Stat. Assoc. 113 (2018) 1094-1111).
    """
    widest = 1.0
    for i, parameter in enumerate(found[0].space):
        if parameter.nuisance:
            continue
        value, low, high = spans(found, parameter.name)
        truth = theta[:, i]
        room = np.where(truth > value, high - value, np.where(low > parameter.low, value - low, np.inf))
        ratio = np.abs(truth - value) / np.maximum(room, 1e-12 * (parameter.high - parameter.low))
        others = group != left
        names, inverse, counts = np.unique(group[others], return_inverse=True, return_counts=True)
        weight = 1.0 / (counts[inverse] * names.size)
        order = np.argsort(ratio[others])
        reached = np.searchsorted(np.cumsum(weight[order]), _LEVEL - 1e-9)
        widest = max(widest, float(ratio[others][order][min(int(reached), order.size - 1)]))
    return min(widest, _WIDEST)


def spans(found: Sequence[Estimate], name: str, wider: Array | float = 1.0) -> tuple[Array, Array, Array]:
    """(n,) values, and ends of the 90 % intervals, SI. wider: (n,) factors on the intervals, cut at the range."""
    value, low, high = np.array([(e.value(name), *e.interval(name, _LEVEL)) for e in found]).T
    parameter = found[0].space[name]
    low = np.maximum(value - wider * (value - low), parameter.low)
    return value, low, np.minimum(value + wider * (high - value), parameter.high)


def scores(found: Sequence[Estimate], theta: Array, wider: Array | None = None) -> list[Score]:
    """One score a parameter that is no nuisance. theta: (n, p) truth, SI; wider: (n,) factors on the intervals."""
    factor = np.ones(len(found)) if wider is None else wider
    made = []
    for i, parameter in enumerate(found[0].space):
        if parameter.nuisance:
            continue
        value, low, high = spans(found, parameter.name, factor)
        truth, unit = theta[:, i], parameter.to_shown(1.0) - parameter.to_shown(0.0)
        made.append(
            Score(
                parameter.name,
                parameter.shown,
                len(truth),
                rmse=float(np.sqrt(np.mean((value - truth) ** 2)) * unit),
                bias=float(np.mean(value - truth) * unit),
                covered=float(np.mean((low <= truth) & (truth <= high))),
                width=float(np.mean(high - low) / (_LEVEL * (parameter.high - parameter.low))),
                unresolved=float(np.mean([not e.resolvable(parameter.name) for e in found])),
            )
        )
    return made
