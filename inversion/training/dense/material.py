"""What a dense network's recipe is worked on with, and its first stage: the windows, as a network sees them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inversion.core import Features, ForwardModel
from inversion.core.encoding import Columns, Encoded, columns, encode, floor_shares
from inversion.core.protocols import Fitted
from inversion.training.dense import layers
from inversion.training.dense.draws import Drawn, Plan, planned
from inversion.training.dense.layers import Scale, Shape
from inversion.training.network.arrays import load_arrays, save_arrays
from inversion.training.network.errors import TrainingError
from inversion.training.network.recipe import Recipe
from inversion.training.network.shards import Parts
from sensors import Quality

_SAID = ("license", "training_data", "failures")
_VERSION = 1  # of what the layers see and are taught
_USABLE = 0.5  # of the windows: where fewer are, what is drawn does not fit the model


@dataclass(frozen=True)
class Work:
    """Where a recipe is worked on, and who is told. told: stage, how far, of how much, losses (learnt, held out)."""

    recipe: Recipe
    model: ForwardModel
    folder: Path
    told: Callable[[str, int, int, tuple[float, float] | None], None]

    @cached_property
    def key(self) -> str:
        """Changes with anything that was asked for, and with the model; not with what a card only says."""
        identity = self.model.identity if isinstance(self.model, Fitted) else ""
        asked = asdict(self.recipe) | {"dense": _VERSION, "model": identity}
        asked["network"] = {name: value for name, value in asked["network"].items() if name not in _SAID}
        if not self.recipe.data.deviations:
            del asked["data"]["deviations"]  # so that the key of recipes without any stays what it was
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]

    def save(self, path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Named arrays, and by which recipe."""
        save_arrays(path, {**arrays, "key": np.frombuffer(self.key.encode(), dtype=np.uint8)})

    def load(self, path: Path) -> dict[str, NDArray[np.generic]]:
        """What was saved. Raises TrainingError for what is damaged, or of another recipe or model."""
        arrays = load_arrays(path)
        if bytes(arrays.pop("key", np.zeros(0, np.uint8))) != self.key.encode():
            raise TrainingError(f"{path}: of another recipe or model; remove it or train into another folder")
        return arrays


@dataclass(frozen=True)
class Material:
    """All windows as a network sees them. parts: rows that can be used, by what they are for"""

    drawn: Drawn
    encoded: Encoded
    at: Columns
    shape: Shape
    parts: Parts

    @cached_property
    def scale(self) -> Scale:
        """Of the windows to learn from."""
        return layers.scale_of(torch.from_numpy(self.encoded[self.parts.learn]), self.at)

    def inputs(self, rows: NDArray[np.intp]) -> Tensor:
        """(m, k') standardized."""
        return (layers.seen(torch.from_numpy(self.encoded[rows]), self.at) - self.scale.mean) / self.scale.deviation


def material(work: Work) -> Material:
    """Stage data: the same windows each time. Only those that are simulated in time are kept, the others drawn anew."""
    recipe, model = work.recipe, work.model
    parts = _split(recipe)
    judged = np.zeros(recipe.data.windows, dtype=np.bool_)
    judged[parts.judge] = judged[parts.calibrate] = True
    plan = planned(model, recipe, judged)
    features = _in_time(work, plan) if plan.drawing.in_time else plan.features(slice(None), plan.rng)
    drawn = plan.drawn(features, [not each.nuisance for each in model.space])
    _refuse_unusable(drawn)
    n, d = features.values.shape
    c, p = features.conditions.shape[1], len(model.space)
    floors = np.zeros((n, p))
    for row in np.flatnonzero(drawn.usable):
        floors[row] = model.floor(features.conditions[row])
    encoded, levels = encode(features, floor_shares(model.space, floors)), recipe.network.levels
    shape = Shape(d, c, drawn.theta.shape[1], len(levels), levels.index(0.5))
    work.told("data", n, n, None)
    return Material(drawn, encoded, columns(d, p, c), shape, parts.only(drawn.usable))


def _in_time(work: Work, plan: Plan) -> Features:
    """A shard after the other, each kept."""
    data, parts = work.recipe.data, []
    for first in range(0, data.windows, data.shard):
        path, rows = work.folder / f"data_{first:06d}.npz", slice(first, min(first + data.shard, data.windows))
        if not path.exists():
            drawn = plan.features(rows, np.random.default_rng([work.recipe.network.seed, 2, first]))
            quality, reasons = (json.dumps(part).encode() for part in (drawn.quality, drawn.reasons))
            told = {"quality": np.frombuffer(quality, np.uint8), "reasons": np.frombuffer(reasons, np.uint8)}
            arrays = {"values": drawn.values, "std": drawn.std, "limit": drawn.limit, "conditions": drawn.conditions}
            work.save(path, {**arrays, **told})
        parts.append(work.load(path))
        work.told("data", rows.stop, data.windows, None)
    values, std, limit, conditions = (
        np.concatenate([part[name].astype(np.float64) for part in parts])
        for name in ("values", "std", "limit", "conditions")
    )
    grades, remarks = (
        [each for part in parts for each in json.loads(part[name].tobytes())] for name in ("quality", "reasons")
    )
    return Features(values, std, limit, conditions, tuple(map(Quality, grades)), tuple(remarks))


def _refuse_unusable(drawn: Drawn) -> None:
    usable = drawn.usable
    if usable.mean() >= _USABLE:
        return
    found = Counter(drawn.features.reasons[row] or "nothing is observed" for row in np.flatnonzero(~usable))
    raise TrainingError(
        f"of {usable.size} windows drawn only {usable.sum()} can be used, mostly since {found.most_common(1)[0][0]!r}: "
        "what [data] asks for does not fit the model"
    )


def _split(recipe: Recipe) -> Parts:
    """Windows are drawn one by one, so whatever was not learnt from is held out."""
    n = recipe.data.windows
    order = np.random.default_rng([recipe.network.seed, 7]).permutation(n)
    judged, calibrated = int(recipe.data.held_out * n), int(recipe.data.calibration * n)
    ends = np.cumsum([judged, calibrated, max(1, n // 15)])
    judge, calibrate, stop, learnt = (np.sort(part) for part in np.split(order, ends))
    return Parts(learnt, stop, calibrate, judge)
