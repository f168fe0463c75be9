"""Gradient descent that can be stopped at any epoch and goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inversion.training.network.arrays import load_arrays, save_arrays
from inversion.training.network.errors import TrainingError

Weights = dict[str, Tensor]

_DECAY = 1e-4
_LARGEST_GRADIENT = 1.0
_LAST_RATE = 0.02  # of the first


@dataclass(frozen=True)
class Course:
    """How long and how fast.

    rows: from which batches are drawn; key: what was asked for: a checkpoint of another key is refused
    """

    name: str
    rows: int
    batch: int
    epochs: int
    patience: int
    rate: float
    seed: int
    key: str


#: Loss of a batch: weights, row numbers, a generator for what is drawn in it.
Loss = Callable[[Weights, Tensor, torch.Generator], Tensor]
#: Told after each epoch: its number, loss on what is learnt from, loss on held-out machines.
Told = Callable[[int, float, float], None]


@dataclass(frozen=True)
class Learnt:
    """weights: of the best epoch; curve: (epochs, 2) losses, learnt and held out."""

    weights: Weights
    curve: np.ndarray


def learn(start: Weights, course: Course, loss: Loss, held: Callable[[Weights], float], at: Path, told: Told) -> Learnt:
    """The weights of the epoch with the least held-out loss. at: the checkpoint, taken up where it is there.

    AdamW (Loshchilov & Hutter, arXiv:1711.05101) along a cosine. Batches and whatever is drawn in them follow from the
    seed and the number of the epoch, so a resumed course ends where an uninterrupted one would.
    Raises TrainingError for a checkpoint of another course, and where the loss is no number.
    """
    weights = {name: each.clone().requires_grad_(True) for name, each in start.items()}
    best = {name: each.clone() for name, each in start.items()}
    optimizer = torch.optim.AdamW(list(weights.values()), lr=course.rate, weight_decay=_DECAY)
    curve: list[tuple[float, float]] = []
    if at.exists():
        curve = _resume(at, course, weights, best, optimizer)
        for epoch, (seen, left_out) in enumerate(curve):
            told(epoch, seen, left_out)
    while not _done(curve, course):
        seen = _epoch(weights, course, loss, optimizer, len(curve))
        with torch.no_grad():
            left_out = held(weights)
        if not np.isfinite(seen + left_out):
            raise TrainingError(f"{course.name}: the loss is {seen} after {len(curve) + 1} epochs; lower the rate")
        curve.append((seen, left_out))
        if left_out <= min(each for _, each in curve):
            best = {name: each.detach().clone() for name, each in weights.items()}
        save_arrays(at, _state(course, weights, best, optimizer, curve))
        told(len(curve) - 1, seen, left_out)
    return Learnt(best, np.array(curve).reshape(-1, 2))


def _done(curve: list[tuple[float, float]], course: Course) -> bool:
    if not curve:
        return course.epochs == 0
    best = int(np.argmin([left_out for _, left_out in curve]))
    return len(curve) >= course.epochs or len(curve) - 1 - best >= course.patience


def _epoch(weights: Weights, course: Course, loss: Loss, optimizer: torch.optim.AdamW, epoch: int) -> float:
    order = np.random.default_rng([course.seed, epoch]).permutation(course.rows)
    generator = torch.Generator().manual_seed(course.seed * 1000 + epoch)
    steps = max(1, course.rows // course.batch)
    total = 0.0
    for step in range(steps):
        along = (epoch + step / steps) / course.epochs
        for group in optimizer.param_groups:
            group["lr"] = course.rate * (_LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + np.cos(np.pi * along)))
        rows = torch.from_numpy(order[step * course.batch : (step + 1) * course.batch])
        value = loss(weights, rows, generator)
        optimizer.zero_grad()
        torch.autograd.backward([value])
        torch.nn.utils.clip_grad_norm_(list(weights.values()), _LARGEST_GRADIENT)
        optimizer.step()
        total += float(value.detach())
    return total / steps


def _state(
    course: Course,
    weights: Weights,
    best: Weights,
    optimizer: torch.optim.AdamW,
    curve: list[tuple[float, float]],
) -> dict[str, np.ndarray]:
    arrays = {"key": np.frombuffer(course.key.encode(), dtype=np.uint8), "curve": np.array(curve)}
    for name, each in weights.items():
        arrays[f"now/{name}"] = each.detach().numpy()
        arrays[f"best/{name}"] = best[name].numpy()
        for moment, value in optimizer.state[each].items():
            arrays[f"{moment}/{name}"] = value.numpy()
    return arrays


def _resume(
    at: Path, course: Course, weights: Weights, best: Weights, optimizer: torch.optim.AdamW
) -> list[tuple[float, float]]:
    arrays = load_arrays(at)
    if "key" not in arrays or bytes(arrays["key"]).decode() != course.key:
        raise TrainingError(f"{at}: a checkpoint of another recipe; remove it or train into another folder")
    for name, each in weights.items():
        with torch.no_grad():
            each.copy_(torch.from_numpy(arrays[f"now/{name}"]))
        best[name] = torch.from_numpy(arrays[f"best/{name}"])
        optimizer.state[each] = {
            moment: torch.from_numpy(arrays[f"{moment}/{name}"]) for moment in ("step", "exp_avg", "exp_avg_sq")
        }
    return [(float(seen), float(left_out)) for seen, left_out in arrays["curve"]]
