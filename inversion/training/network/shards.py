"""Drawn windows on disk: plain arrays in shards, each written whole or not at all, so that a draw can be resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inversion.core import Features, ForwardModel
from inversion.training.network.arrays import load_arrays, save_arrays
from inversion.training.network.errors import TrainingError
from inversion.training.network.recipe import DENSE_ONLY, Recipe
from sensors import Quality

Array = NDArray[np.float64]

_KEYS = ("values", "std", "limit", "conditions", "theta", "geometry", "ratio_db", "machine")


@dataclass(frozen=True)
class Windows:
    """n windows with their truth.

    theta: (n, p) SI of the parameters that are no nuisance, NaN where there is none to be right about
    geometry: (n, g) what the model of each window was made with; ratio_db: (n,); machine: (n,) which one
    """

    features: Features
    theta: Array
    geometry: Array
    ratio_db: Array
    machine: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.machine)

    def take(self, rows: NDArray[np.intp]) -> Windows:
        """Some of them."""
        f = self.features
        quality, reasons = tuple(f.quality[i] for i in rows), tuple(f.reasons[i] for i in rows)
        features = Features(f.values[rows], f.std[rows], f.limit[rows], f.conditions[rows], quality, reasons)
        return Windows(features, self.theta[rows], self.geometry[rows], self.ratio_db[rows], self.machine[rows])


#: Draws the windows of one machine by its number.
Draw = Callable[[int], Windows]


def draw_shards(
    folder: Path, recipe: Recipe, model: ForwardModel, draw: Draw, done: Callable[[int], None]
) -> Iterator[Path]:
    """The shards of a recipe, those that are there already as they are. done: told how many windows there are.

    Raises TrainingError where the folder holds windows of another recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, recipe, model)
    data = recipe.data
    machines = -(-data.windows // data.windows_a_machine)
    step = max(1, data.shard // data.windows_a_machine)
    for number, first in enumerate(range(0, machines, step)):
        path = folder / f"shard_{number:04d}.npz"
        chosen = range(first, min(first + step, machines))
        if not _whole(path):
            windows = [draw(machine) for machine in chosen]
            save_arrays(path, _arrays(_joined(windows)))
        done(chosen.stop * data.windows_a_machine)
        yield path


def load_shards(folder: Path, recipe: Recipe, model: ForwardModel) -> Windows:
    """All windows of a recipe. Raises TrainingError where there are none, or those of another recipe."""
    paths = sorted(folder.glob("shard_*.npz"))
    if not paths:
        raise TrainingError(f"{folder}: no windows are drawn yet, run the stage data")
    _claim(folder, recipe, model)
    parts = [_read(path) for path in paths]
    return _joined(parts)


@dataclass(frozen=True)
class Parts:
    """Rows by what they are for, whole machines each: to learn from, to stop by, to calibrate by, to be judged by."""

    learn: NDArray[np.intp]
    stop: NDArray[np.intp]
    calibrate: NDArray[np.intp]
    judge: NDArray[np.intp]

    def only(self, usable: NDArray[np.bool_]) -> Parts:
        """Without the rows that are not. usable: of all rows"""
        return Parts(*(rows[usable[rows]] for rows in (self.learn, self.stop, self.calibrate, self.judge)))


def split(windows: Windows, recipe: Recipe) -> Parts:
    """By machine, at random, the same each time."""
    machines = int(windows.machine.max()) + 1
    order = np.random.default_rng([recipe.network.seed, 7]).permutation(machines)
    judged, calibrated = int(recipe.data.held_out * machines), int(recipe.data.calibration * machines)
    stopped = max(1, machines // 15)
    part = np.zeros(machines, dtype=int)
    for which, (first, count) in enumerate(
        ((judged + calibrated, stopped), (judged, calibrated), (0, judged)), start=1
    ):
        part[order[first : first + count]] = which
    of = part[windows.machine]
    learn, stop, calibrate, judge = (np.flatnonzero(of == which) for which in range(4))
    return Parts(learn, stop, calibrate, judge)


def _claim(folder: Path, recipe: Recipe, model: ForwardModel) -> None:
    """Writes beside the shards what they were drawn by, or compares."""
    space = [asdict(parameter) for parameter in model.space]
    data = {name: value for name, value in asdict(recipe.data).items() if name not in DENSE_ONLY}
    told = {"data": data, "seed": recipe.network.seed, "kind": recipe.network.kind, "space": space}
    text = json.dumps({**told, "observables": hashlib.sha256(" ".join(model.observables).encode()).hexdigest()})
    path = folder / "drawn.json"
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        raise TrainingError(f"{folder}: holds windows of another recipe; remove it or train into another folder")


def _whole(path: Path) -> bool:
    try:
        _read(path)
    except TrainingError:
        return False
    return True


def _read(path: Path) -> Windows:
    part = load_arrays(path)
    if not set(_KEYS) <= set(part):
        raise TrainingError(f"{path}: no shard of windows")
    n = len(part["machine"])
    values, std, limit, conditions, theta, geometry, ratio = (part[key].astype(np.float64) for key in _KEYS[:-1])
    features = Features(values, std, limit, conditions, (Quality.GOOD,) * n, ("",) * n)
    return Windows(features, theta, geometry, ratio, part["machine"].astype(np.int64))


def _arrays(windows: Windows) -> dict[str, NDArray[np.generic]]:
    f = windows.features
    single = {"values": f.values, "std": f.std, "limit": f.limit}
    exact = {"conditions": f.conditions, "theta": windows.theta, "geometry": windows.geometry}
    return {
        **{key: value.astype(np.float32) for key, value in single.items()},
        **exact,
        "ratio_db": windows.ratio_db,
        "machine": windows.machine,
    }


def _joined(parts: list[Windows]) -> Windows:
    all_of = [part.features for part in parts]
    features = Features(
        np.concatenate([f.values for f in all_of]),
        np.concatenate([f.std for f in all_of]),
        np.concatenate([f.limit for f in all_of]),
        np.concatenate([f.conditions for f in all_of]),
        tuple(q for f in all_of for q in f.quality),
        tuple(r for f in all_of for r in f.reasons),
    )
    return Windows(
        features,
        np.concatenate([part.theta for part in parts]),
        np.concatenate([part.geometry for part in parts]),
        np.concatenate([part.ratio_db for part in parts]),
        np.concatenate([part.machine for part in parts]),
    )
