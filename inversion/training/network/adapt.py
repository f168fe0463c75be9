"""A trained network fitted on to one site's labelled recordings, and refused where that does not help elsewhere.

Only the layers behind the latent move, and they are held near where they were. Every group of recordings is left out
once: if the network that learnt from the others is worse there than the one that was shipped, nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from inversion.core.encoding import Columns, Encoded
from inversion.store.card import Calibration
from inversion.training.network import race_loss, races, rounding
from inversion.training.network.errors import TrainingError
from inversion.training.network.graph import INSIDE, race_graph
from inversion.training.network.quantize import graphs
from inversion.training.network.recipe import Fit

Array = NDArray[np.float64]
Weights = dict[str, torch.Tensor]

FEWEST_WINDOWS = 12
FEWEST_GROUPS = 3
_MOVED = ("back", "last_deep", "last_point", "out", "impact2")
_EARLIER, _OWN = 8, (1, 2, 5, 7)  # inputs of the impact's layers before, and those of them that `races.rows` kept
_STEPS = 60
_RATE = 2e-3
_HELD = 20.0  # weight of the squared distance from where the weights were
_AS_WIDE, _NARROWEST, _WIDEST = 0.9, 1e-4, 50.0
_WORSE = 0.02  # nats: held-out groups scatter by so much


@dataclass(frozen=True)
class Site:
    """n windows of one site. truth: (n, 6) SI, NaN where not known; group: (n,) what is left out together"""

    encoded: Encoded
    truth: Array
    group: NDArray[np.str_]


@dataclass(frozen=True)
class Adapted:
    """weights: fitted on; groups: loss on each group by the shipped network and by one that learnt from the others."""

    weights: Weights
    groups: tuple[tuple[str, float, float], ...]


def read_weights(graph: bytes) -> tuple[Weights, Fit, Array]:
    """The weights in a graph of ours, its shape, and the center of its latent. Raises TrainingError for another."""
    whole = onnx.load_model_from_string(graph).graph
    tensors = [(each.name.removeprefix(INSIDE) if inner is not whole else each.name, each)
               for inner in graphs(whole) for each in inner.initializer]  # fmt: skip
    found = {name: numpy_helper.to_array(each) for name, each in tensors}
    weights: Weights = {}
    for name, value in found.items():
        if name.endswith("_weight"):
            stem = name.removesuffix("_weight")
            weights[stem] = torch.from_numpy((value[:, :, 0] if value.ndim == 4 else value).copy())
            none = np.zeros(len(value), np.float32)  # of convolutions of each channel
            weights[f"{stem}_bias"] = torch.from_numpy(found.get(f"{stem}_bias", none).copy())
    if "center" not in found or not {"first", "hidden", "out", "impact2"} <= set(weights):
        raise TrainingError("only networks of the kind `races`, in full precision, can be adapted")
    weights["impact1"] = _without_profile(weights["impact1"])
    blocks = sum(name.startswith("deep") and not name.endswith("_bias") for name in weights)
    kernel, hidden = weights["last_deep"].shape[2], weights["hidden"].shape[0]
    fit = Fit(weights["first"].shape[0], blocks, kernel, hidden)
    return weights, fit, found["center"].astype(np.float64)


def _without_profile(first: torch.Tensor) -> torch.Tensor:
    """The first layer of the impact, (h, 4) from (h, 8) of a network whose profile's inputs were masked with zeros."""
    if first.shape[1] != _EARLIER:
        return first
    own = list(_OWN)
    rest = [column for column in range(_EARLIER) if column not in own]
    if torch.any(first[:, rest] != 0):
        raise TrainingError("its impacts depend on the profile, expected a network whose impacts do not")
    return first[:, own].clone()


def adapted(
    start: Weights,
    fit: Fit,
    site: Site,
    at: Columns,
    levels: tuple[float, ...],
    widest: float,
    seed: int,
    done: Callable[[int], None],
) -> Adapted:
    """The network, fitted on. widest: m; done: told how many groups were left out.

    Raises TrainingError where the windows are too few, or left-out groups get worse.
    """
    known = np.any(np.isfinite(site.truth), axis=1)
    names = np.unique(site.group[known])
    useful = race_loss.taught(site.encoded, at, site.truth, widest).profiles.numel()
    if useful < FEWEST_WINDOWS or names.size < FEWEST_GROUPS:
        raise TrainingError(
            f"{useful} labelled windows with a profile in {names.size} groups, expected at least {FEWEST_WINDOWS} in "
            f"{FEWEST_GROUPS}: too few to adapt a network to"
        )
    q = torch.tensor(levels)
    compared = []
    for number, name in enumerate(names):
        out = known & (site.group == name)
        held = race_loss.taught(site.encoded[out], at, site.truth[out], widest)
        if held.profiles.numel():
            others = race_loss.taught(site.encoded[known & ~out], at, site.truth[known & ~out], widest)
            moved = _fitted(start, fit, others, q, seed)
            before, after = (race_loss.held_loss(each, fit, held, q) for each in (start, moved))
            compared.append((str(name), before, after))
        done(number + 1)
    _refuse_worse(compared)
    every = race_loss.taught(site.encoded[known], at, site.truth[known], widest)
    return Adapted(_fitted(start, fit, every, q, seed), tuple(compared))


def _refuse_worse(compared: list[tuple[str, float, float]]) -> None:
    worse = [(after - before, name) for name, before, after in compared if after > before + _WORSE]
    mean = float(np.mean([after - before for _, before, after in compared]))
    if mean >= 0 or worse:
        most, name = max(worse, default=(mean, "the mean of all"))
        raise TrainingError(
            f"left-out groups get worse: {name} by {most:.3f} nats, {len(worse)} of {len(compared)} groups; "
            "the shipped network stays as it is"
        )


def _fitted(start: Weights, fit: Fit, given: race_loss.Taught, levels: torch.Tensor, seed: int) -> Weights:
    """Some steps of Adam on all windows at once, on the layers behind the latent."""
    weights = {name: each.clone() for name, each in start.items()}
    moving = [name for name in weights if name.removesuffix("_bias") in _MOVED]
    for name in moving:
        weights[name].requires_grad_(True)
    optimizer = torch.optim.Adam([weights[name] for name in moving], lr=_RATE)
    generator = torch.Generator().manual_seed(seed)
    rows = torch.arange(given.profiles.numel())
    for _ in range(_STEPS):
        far = torch.stack([(weights[name] - start[name]).square().sum() for name in moving]).sum()
        value = race_loss.loss(weights, fit, given, rows, levels, generator) + _HELD * far / rows.numel()
        optimizer.zero_grad()
        torch.autograd.backward([value])
        optimizer.step()
    return {name: each.detach() for name, each in weights.items()}


def graphs_of(
    made: Adapted,
    fit: Fit,
    site: Site,
    at: Columns,
    levels: tuple[float, ...],
    center: Array,
    hardest: float,
    name: str,
) -> dict[str, onnx.ModelProto]:
    """Both graphs, `lite` by the ranges of the site's windows. hardest: m/s2, end of the range of impacts."""
    rows = races.rows(torch.from_numpy(site.encoded), at)
    observed = race_loss.take(rows, torch.nonzero(rows.observed)[:, 0])
    short, ranges = rounding.started(made.weights, fit.blocks, observed)
    mean = center.astype(np.float32)
    return {
        precision: race_graph(named(weights), fit.blocks, at, levels, mean, hardest, name, grid)
        for precision, weights, grid in (("full", made.weights, None), ("lite", short, ranges))
    }


def not_narrower(
    calibration: Calibration, before: Array, after: Array, levels: tuple[float, ...], told: NDArray[np.bool_]
) -> Calibration:
    """Widened so far that nine of ten intervals of the site are as wide as they were before.

    A dozen windows cannot show that narrower ones hold: what all of them share, such as one width, would be learnt for
    what is always so. before, after: (n, 6, q) quantiles; told: (n, 6) where anything tells of the parameter
    """
    low, high = levels.index(0.05), levels.index(0.95)
    own, others = (each[..., high] - each[..., low] for each in (after, before))
    ratio = others / np.maximum(own, _NARROWEST)
    half = told.shape[1] // 2  # impacts, then widths: the races of each share their weights
    wider = np.ones(told.shape[1])
    for part in (slice(0, half), slice(half, None)):
        if told[:, part].any():
            wider[part] = np.clip(np.quantile(ratio[:, part][told[:, part]], _AS_WIDE), 1.0, _WIDEST)
    factors = tuple(
        tuple(tuple(float(f * w) for f, w in zip(band, wider, strict=True)) for band in row)
        for row in calibration.factors
    )
    return replace(calibration, factors=factors)


def named(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """As the graph takes them."""
    return {name: each.numpy() for name, each in weights.items()}
