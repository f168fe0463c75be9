"""The stages of a dense network's recipe: teacher, student, compress; `material.py` is the first, `export.py` the last.

The teacher is least squares, whose answers to the drawn windows are what the network learns: it knows the model, so it
is as good as an answer can be. A stage that was stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inversion.engines.least_squares import LeastSquares
from inversion.training.dense import layers, rounding
from inversion.training.dense.layers import Weights
from inversion.training.dense.material import Material, Work
from inversion.training.network.errors import TrainingError
from inversion.training.network.learn import Course, Loss, learn
from inversion.training.network.recipe import Fit

Array = NDArray[np.float64]

_NARROWEST = 2e-3  # of the range: narrower answers than that need not be hit any nearer
_ECHO_STEPS, _ECHO_BATCH, _ECHO_RATE = 1500, 512, 1e-2


@dataclass(frozen=True)
class Answers:
    """What least squares says. quantiles: (n, p, q) shares; told: (n, p, 4) low, high, median, SI, and resolved."""

    quantiles: Array
    told: Array


@dataclass(frozen=True)
class Network:
    """Weights with the shape that they have."""

    weights: Weights
    fit: Fit


def teach(work: Work, given: Material) -> None:
    """Stage teacher: least squares answers all windows, a shard after the other."""
    solver = work.recipe.solver
    inverter = LeastSquares(loss=solver.loss, freedom=solver.freedom).bind(work.model)
    names = [each.name for each in work.model.space if not each.nuisance]
    levels, n = work.recipe.network.levels, len(given.drawn)
    for first in range(0, n, work.recipe.data.shard):
        rows = range(first, min(first + work.recipe.data.shard, n))
        path = _shard(work, first)
        if not path.exists():
            estimates = inverter.invert(given.drawn.features.take(rows))
            quantiles = np.array([[each.quantiles(name, levels) for name in names] for each in estimates])
            told = [
                [(*each.interval(name), each.value(name), float(each.resolvable(name))) for name in names]
                for each in estimates
            ]
            work.save(path, {"quantiles": quantiles, "told": np.array(told)})
        work.told("teacher", rows.stop, n, None)


def load_teacher(work: Work, given: Material) -> Answers:
    """What it said. Raises TrainingError where the stage has not run."""
    n, parts = len(given.drawn), []
    for first in range(0, n, work.recipe.data.shard):
        path = _shard(work, first)
        if not path.exists():
            raise TrainingError(f"{path}: not answered yet, run the stage teacher")
        parts.append(work.load(path))
    low, high = (
        end[[not each.nuisance for each in work.model.space]] for end in (work.model.space.low, work.model.space.high)
    )
    quantiles, told = (np.concatenate([part[name] for part in parts]) for name in ("quantiles", "told"))
    return Answers(np.clip((quantiles - low[:, None]) / (high - low)[:, None], 0, 1), told)


def study(work: Work, given: Material) -> None:
    """Stage student."""
    fit, seed = work.recipe.student, work.recipe.network.seed + 7
    start = layers.new_weights(fit, given.shape, torch.Generator().manual_seed(seed))
    learnt = _learn(work, given, "student", start, fit, seed, lambda weights: weights)
    _save(work, "student", Network({**learnt, **_echo(work, given, start)}, fit))


def compress(work: Work, given: Material) -> None:
    """Stage compress: channels taken out and fine-tuned; then fine-tuned as integers."""
    options, student, seed = work.recipe.compress, load_network(work, "student"), work.recipe.network.seed
    weights, fit = layers.pruned(student.weights, student.fit, options.prune)
    fit = replace(fit, rate=fit.rate / 2, epochs=options.epochs, patience=max(options.epochs, 1))
    full = _learn(work, given, "pruned", weights, fit, seed + 11, lambda weights: weights)
    _save(work, "pruned", Network(full, fit))
    slower = replace(fit, rate=student.fit.rate / 8, epochs=options.rounding_epochs, patience=99)
    lite = _learn(work, given, "rounded", full, slower, seed + 13, rounding.rounded)
    _save(work, "rounded", Network(lite, slower))


def load_network(work: Work, name: str) -> Network:
    """A finished network of this recipe. Raises TrainingError."""
    path = work.folder / f"{name}.npz"
    if not path.exists():
        stage = "student" if name == "student" else "compress"
        raise TrainingError(f"{path}: not trained yet, run the stage {stage}")
    arrays = work.load(path)
    fit = Fit(**json.loads(bytes(arrays.pop("fit")).decode()))
    return Network({key: torch.from_numpy(each) for key, each in arrays.items()}, fit)


def _learn(
    work: Work,
    given: Material,
    name: str,
    start: Weights,
    fit: Fit,
    seed: int,
    as_used: Callable[[Weights], Weights],
) -> Weights:
    """From what least squares said; the echo stays as it is."""
    answers = load_teacher(work, given)
    trunk = {key: each for key, each in start.items() if not key.startswith(layers.ECHO)}
    taught = {part: _Taught.of(work, given, answers, getattr(given.parts, part)) for part in ("learn", "stop")}
    course = Course(name, len(taught["learn"].truth), fit.batch, fit.epochs, fit.patience, fit.rate, seed, work.key)

    def apart(weights: Weights, part: _Taught, rows: Tensor) -> Tensor:
        predicted = layers.quantiles(as_used(weights), fit.blocks, given.shape, part.inputs[rows])
        return ((predicted - part.quantiles[rows]).abs() / part.width[rows]).mean()

    def loss(weights: Weights, rows: Tensor, _: torch.Generator) -> Tensor:
        return apart(weights, taught["learn"], rows)

    def held(weights: Weights) -> float:
        return float(apart(weights, taught["stop"], torch.arange(len(taught["stop"].truth))))

    checked: Loss = loss
    checkpoint = work.folder / f"{name}.checkpoint.npz"

    def told(epoch: int, learnt: float, left_out: float) -> None:
        work.told(name, epoch + 1, fit.epochs, (learnt, left_out))

    return {**start, **learn(trunk, course, checked, held, checkpoint, told).weights}


@dataclass(frozen=True)
class _Taught:
    """m windows. width: (m, p, 1) of the interval that least squares tells, the unit in which errors count"""

    inputs: Tensor
    quantiles: Tensor
    width: Tensor
    truth: Tensor

    @staticmethod
    def of(work: Work, given: Material, answers: Answers, rows: NDArray[np.intp]) -> _Taught:
        space, levels = work.model.space, work.recipe.network.levels
        shown = [not each.nuisance for each in space]
        truth = (given.drawn.theta[rows] - space.low[shown]) / (space.high - space.low)[shown]
        quantiles = answers.quantiles[rows]
        width = quantiles[..., levels.index(0.95)] - quantiles[..., levels.index(0.05)] + _NARROWEST
        made = (torch.from_numpy(each.astype(np.float32)) for each in (quantiles, width[..., None], truth))
        return _Taught(given.inputs(rows), *made)


def _echo(work: Work, given: Material, start: Weights) -> Weights:
    """The layers of the echo, by the true parameters of windows whose features all agree."""
    rows = given.parts.learn[~(given.drawn.strayed | given.drawn.strange)[given.parts.learn]]
    taught = _Taught.of(work, given, load_teacher(work, given), rows)
    encoded, d = torch.from_numpy(given.encoded[rows]), given.shape.observables
    z, seen = encoded[:, given.at.z], encoded[:, given.at.state].abs()
    moving = {name: each.clone().requires_grad_(True) for name, each in start.items() if name.startswith(layers.ECHO)}
    optimizer = torch.optim.Adam(list(moving.values()), lr=_ECHO_RATE)
    generator = torch.Generator().manual_seed(work.recipe.network.seed + 17)
    for step in range(_ECHO_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = _ECHO_RATE * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / _ECHO_STEPS)))
        some = torch.randint(len(rows), (_ECHO_BATCH,), generator=generator)
        expected, scatter = layers.echo(moving, given.shape, taught.truth[some], taught.inputs[some, 3 * d :])
        apart = (z[some] - expected) * torch.exp(-scatter)
        value = (seen[some] * (0.5 * apart**2 + scatter)).mean()
        optimizer.zero_grad()
        torch.autograd.backward([value])
        optimizer.step()
    return {name: each.detach() for name, each in moving.items()}


def _shard(work: Work, first: int) -> Path:
    return work.folder / f"teacher_{first:06d}.npz"


def _save(work: Work, name: str, network: Network) -> None:
    fit = np.frombuffer(json.dumps(asdict(network.fit)).encode(), dtype=np.uint8)
    arrays = {key: each.detach().numpy() for key, each in network.weights.items()}
    work.save(work.folder / f"{name}.npz", {**arrays, "fit": fit})
