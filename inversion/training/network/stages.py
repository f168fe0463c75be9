"""The stages of a recipe, each of which writes what the next one reads: data, teacher, student, compress, export.

A stage that was stopped goes on where it was. Every file names the recipe that made it and is refused by another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inversion.core.encoding import Columns, Encoded, columns, encode, floor_shares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.training.network import impacts, prune, race_loss, races, rounding
from inversion.training.network.arrays import load_arrays, save_arrays
from inversion.training.network.errors import TrainingError
from inversion.training.network.learn import Course, Learnt, Loss, learn
from inversion.training.network.recipe import DENSE_ONLY, Fit, Recipe
from inversion.training.network.rounding import Rounding
from inversion.training.network.shards import Parts, Windows, draw_shards, load_shards, split
from inversion.training.network.windows import bearing_of, draw_machine_windows

Array = NDArray[np.float64]
Weights = dict[str, torch.Tensor]

_SAID = ("license", "training_data", "failures")

STAGES = ("data", "teacher", "search", "student", "compress", "export")


@dataclass(frozen=True)
class Work:
    """Where a recipe is worked on, and who is told. told: stage, how far, of how much, losses (learnt, held out)."""

    recipe: Recipe
    model: RollingBearing
    folder: Path
    told: Callable[[str, int, int, tuple[float, float] | None], None]
    noise: Sequence[Array] = ()

    @property
    def key(self) -> str:
        """Changes with anything that was asked for, and with what the layers see; not with what a card only says."""
        asked = asdict(self.recipe) | {"seen": [races.PLANES, races.SCALARS, races.IMPACT_SCALARS]}
        asked["network"] = {name: value for name, value in asked["network"].items() if name not in _SAID}
        asked["data"] = {name: value for name, value in asked["data"].items() if name not in DENSE_ONLY}
        del asked["solver"]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def levels(self) -> torch.Tensor:
        """(q,)."""
        return torch.tensor(self.recipe.network.levels)


@dataclass(frozen=True)
class Material:
    """All windows as a network sees them. truth: (n, p) SI, NaN where there is none."""

    windows: Windows
    encoded: Encoded
    at: Columns
    parts: Parts

    @property
    def truth(self) -> Array:
        """(n, p) SI."""
        return self.windows.theta


@dataclass(frozen=True)
class Network:
    """Weights with the shape that they have, and how they are rounded where they are."""

    weights: Weights
    fit: Fit
    rounding: Rounding | None = None


def draw(work: Work) -> None:
    """Stage data."""
    recipe = work.recipe
    seed = recipe.network.seed
    shards = draw_shards(
        work.folder / "data",
        recipe,
        work.model,
        lambda machine: draw_machine_windows(work.model, recipe.data, seed, machine, work.noise),
        lambda count: work.told("data", min(count, recipe.data.windows), recipe.data.windows, None),
    )
    for _ in shards:
        pass


def material(work: Work) -> Material:
    """What the stage data drew. Raises TrainingError where it has not."""
    windows = load_shards(work.folder / "data", work.recipe, work.model)
    conditions = windows.features.conditions
    floors = np.zeros((len(windows), len(work.model.space)))
    for row in np.flatnonzero(np.all(np.isfinite(conditions), axis=1)):
        floors[row] = bearing_of(work.model, windows.geometry[row]).floor(conditions[row])
    shares = floor_shares(work.model.space, floors)
    at = columns(windows.features.values.shape[1], shares.shape[1], conditions.shape[1])
    return Material(windows, encode(windows.features, shares), at, split(windows, work.recipe))


def teach(work: Work, given: Material) -> None:
    """Stage teacher: every member from other random weights, each on all windows."""
    fit = work.recipe.teacher
    learn_from, stop_by = _taught(work, given, given.parts.learn), _taught(work, given, given.parts.stop)
    for member in range(fit.members):
        seed = work.recipe.network.seed + 100 * member
        start = races.new_weights(fit, len(work.levels), torch.Generator().manual_seed(seed))
        learnt = _learn(work, f"teacher{member}", start, fit, learn_from, stop_by, None, seed)
        _save(work, f"teacher{member}", Network(learnt.weights, fit))


def study(work: Work, given: Material, fit: Fit) -> None:
    """Stage student: from the densities of the teacher and the truth."""
    _save(work, "student", learn_student(work, given, "student", fit))


def learn_student(work: Work, given: Material, name: str, fit: Fit) -> Network:
    """A network of this shape, taught by the teacher."""
    teacher = load_teacher(work)
    learn_from, stop_by = _taught(work, given, given.parts.learn), _taught(work, given, given.parts.stop)
    seed = work.recipe.network.seed + 7
    start = races.new_weights(fit, len(work.levels), torch.Generator().manual_seed(seed))
    start = race_loss.with_hint(start, fit, teacher.fit)
    learnt = _learn(work, name, start, fit, learn_from, stop_by, teacher, seed)
    return Network(race_loss.without_hint(learnt.weights), fit)


def compress(work: Work, given: Material) -> None:
    """Stage compress: channels taken out and fine-tuned; then fine-tuned as integers, towards what that answers."""
    options, student, teacher = work.recipe.compress, load_network(work, "student"), load_teacher(work)
    learn_from, stop_by = _taught(work, given, given.parts.learn), _taught(work, given, given.parts.stop)
    weights, fit = prune.pruned(student.weights, student.fit, options.prune)
    fit = replace(fit, hint=0.0, rate=student.fit.rate / 2, epochs=options.epochs, patience=options.epochs)
    seed = work.recipe.network.seed + 11
    learnt = _learn(work, "pruned", weights, fit, learn_from, stop_by, teacher, seed)
    pruned = Network(learnt.weights, fit)
    _save(work, "pruned", pruned)
    _save(work, "rounded", _rounded(work, ready_to_round(work, given, pruned), pruned, learn_from, stop_by))


def ready_to_round(work: Work, given: Material, network: Network) -> Network:
    """The same network with the ranges of its activations over some windows."""
    taught = _taught(work, given, given.parts.learn)
    some = race_loss.take(taught.rows, taught.profiles[: work.recipe.compress.calibration_windows])
    weights, ranges = rounding.started(network.weights, network.fit.blocks, some)
    return Network(weights, network.fit, ranges)


def _rounded(
    work: Work, start: Network, full: Network, learn_from: race_loss.Taught, stop_by: race_loss.Taught
) -> Network:
    """Fine-tuned with every number on its grid (Jacob et al., arXiv:1712.05877, section 3)."""
    epochs, ranges = work.recipe.compress.rounding_epochs, start.rounding
    if ranges is None:
        raise ValueError("expected a network that is ready to round")
    fit = replace(start.fit, rate=full.fit.rate / 4, epochs=epochs, patience=max(epochs, 1), truth=0.0)
    course = _course(work, "rounded", learn_from, fit, work.recipe.network.seed + 13)
    own = race_loss.Teacher([full.weights], full.fit)

    def loss(weights: Weights, chosen: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        short = rounding.rounded(weights)
        return race_loss.loss(short, fit, learn_from, chosen, work.levels, generator, own, ranges.seen)

    def held(weights: Weights) -> float:
        return race_loss.held_loss(rounding.rounded(weights), fit, stop_by, work.levels, ranges.seen)

    learnt = learn(start.weights, course, loss, held, work.folder / "rounded.checkpoint.npz", _telling(work, course))
    return Network(learnt.weights, fit, ranges)


def load_teacher(work: Work) -> race_loss.Teacher:
    """The members. Raises TrainingError where the stage has not run."""
    fit = work.recipe.teacher
    return race_loss.Teacher([load_network(work, f"teacher{k}").weights for k in range(fit.members)], fit)


def load_network(work: Work, name: str) -> Network:
    """A finished network of this recipe. Raises TrainingError."""
    path = work.folder / f"{name}.npz"
    if not path.exists():
        raise TrainingError(f"{path}: not trained yet, run the stage {_stage_of(name)}")
    arrays = load_arrays(path)
    told = json.loads(bytes(arrays.pop("told")).decode())
    if told["key"] != work.key:
        raise TrainingError(f"{path}: trained by another recipe; remove it or train into another folder")
    weights = {name: torch.from_numpy(each) for name, each in arrays.items()}
    ranges = Rounding({key: (low, high) for key, (low, high) in told["ranges"].items()}) if told["ranges"] else None
    return Network(weights, Fit(**told["fit"]), ranges)


def curves(folder: Path) -> dict[str, Array]:
    """(epochs, 2) losses of every network that has learnt in a folder, as far as it is."""
    paths = sorted(folder.glob("*.checkpoint.npz"))
    return {path.name.split(".")[0]: load_arrays(path)["curve"] for path in paths}


def _stage_of(name: str) -> str:
    return "teacher" if name.startswith("teacher") else "compress" if name in ("pruned", "rounded") else name


def _taught(work: Work, given: Material, rows: NDArray[np.intp]) -> race_loss.Taught:
    taught = race_loss.taught(given.encoded[rows], given.at, given.truth[rows], work.model.widest_mm * 1e-3)
    if not taught.profiles.numel() or not taught.impacts.numel():
        raise TrainingError(f"{work.folder}: none of {rows.size} windows holds a profile to learn from; draw more")
    return taught


def _learn(
    work: Work,
    name: str,
    start: Weights,
    fit: Fit,
    learn_from: race_loss.Taught,
    stop_by: race_loss.Taught,
    teacher: race_loss.Teacher | None,
    seed: int,
) -> Learnt:
    course = _course(work, name, learn_from, fit, seed)

    def loss(weights: Weights, chosen: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return race_loss.loss(weights, fit, learn_from, chosen, work.levels, generator, teacher)

    checked: Loss = loss
    learnt = learn(
        start,
        course,
        checked,
        lambda weights: race_loss.held_loss(weights, fit, stop_by, work.levels),
        work.folder / f"{name}.checkpoint.npz",
        _telling(work, course),
    )
    return replace(learnt, weights=impacts.fitted(learnt.weights, learn_from, work.levels, fit.epochs, seed, teacher))


def _course(work: Work, name: str, learn_from: race_loss.Taught, fit: Fit, seed: int) -> Course:
    count = learn_from.profiles.numel()
    return Course(name, count, min(fit.batch, count), fit.epochs, fit.patience, fit.rate, seed, work.key)


def _telling(work: Work, course: Course) -> Callable[[int, float, float], None]:
    return lambda epoch, seen, left_out: work.told(course.name, epoch + 1, course.epochs, (seen, left_out))


def _save(work: Work, name: str, network: Network) -> None:
    ranges = network.rounding.ranges if network.rounding else {}
    told = json.dumps({"key": work.key, "fit": asdict(network.fit), "ranges": ranges})
    arrays = {name: each.detach().numpy() for name, each in network.weights.items()}
    save_arrays(work.folder / f"{name}.npz", {**arrays, "told": np.frombuffer(told.encode(), dtype=np.uint8)})
