"""The network of a rolling bearing: one subnetwork over the edge profile of each race, one over its impact.

Two rules are built in, not learnt. Levels are units only: an impact is answered as so many observed levels, and
no level enters any layer. Where no profile was observed, the width has its prior: a flat density.

The impact's layers see what was found of the impacts and nothing of the profile (`rows`): layers that also saw the
profile's floor, extremes and extent went astray where these lie outside the common. On a shaft at 15 Hz their 90 %
intervals held 30 % of the impacts.

Functions of named weights; `graph.py` says the same in ONNX, and a test holds both equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inversion.core.encoding import Columns
from inversion.training.network.recipe import Fit

Array = NDArray[np.float64]
Weights = dict[str, Tensor]
#: Shown what goes into a separable convolution, through it and out of it, by name ("deep0.in"); gives what to take.
Seen = Callable[[str, Tensor], Tensor]

RACES = 3
CELLS = 128  # of a profile, as observed
STRIDE = 2
PARTS = 4  # cells of the density at each place: CELLS / STRIDE * PARTS in all
DENSITY = CELLS // STRIDE * PARTS
PLANES, SCALARS, IMPACT_SCALARS = 4, 7, 4
RELIEF = 2  # of the conditions: longest path of relief, m, shown as millimeters
STATE = 1  # of the impact, among the scalars of the impact
LEAST_FLOOR = 0.01
IMPACT_HIDDEN = 24
FIRST_KERNEL = 5
START_GAP = -2.0  # softplus of it times the number of levels is about 2: the ratios start around 1


@dataclass(frozen=True)
class Rows:
    """What the layers see, one row a race.

    planes: (m, 4, CELLS) z, whether observed, lag over the floor, longest path of relief; scalars: (m, 7)
    impact: (m, 4) z and state of the impact, share of races whose impact was seen, how much louder another race is
    observed: (m,) 1 where there is a profile; level: (m,) SI, the unit of the impact
    """

    planes: Tensor
    scalars: Tensor
    impact: Tensor
    observed: Tensor
    level: Tensor


@dataclass(frozen=True)
class Answer:
    """logits: (m, DENSITY) of the width's density; ratios: (m, q) of the impact over its level; hidden: (m, h)."""

    logits: Tensor
    ratios: Tensor
    hidden: Tensor


def dilation(block: int) -> int:
    """Of the n-th separable convolution: 1, 2, 4, then again."""
    return int(2 ** (block % 3))


def rows(encoded: Tensor, at: Columns) -> Rows:
    """(n, k) encoded windows to (3 n) rows of races."""
    n = encoded.shape[0]

    def per_race(part: Tensor) -> Tensor:
        return part.reshape(n * RACES, 1, CELLS)

    z_of_impact, z = encoded[:, :RACES], per_race(encoded[:, RACES : at.z.stop])
    first = at.state.start
    state_of_impact, state = encoded[:, first : first + RACES], per_race(encoded[:, first + RACES : at.state.stop])
    level = encoded[:, at.level.start : at.level.start + RACES]
    floor = encoded[:, at.floor.start + RACES : at.floor.start + 2 * RACES].reshape(-1, 1).clamp_min(LEAST_FLOOR)
    mask = state.abs()
    lag = centers() / floor[:, :, None]
    present = state_of_impact.clamp_min(0.0).sum(dim=1, keepdim=True).expand(n, RACES).reshape(-1, 1) / RACES
    z_own, state_own = z_of_impact.reshape(-1, 1), state_of_impact.reshape(-1, 1)
    seen = mask.mean(dim=2)
    highest = level.max(dim=1, keepdim=True).values.clamp_min(1e-9)
    louder = torch.log(level.clamp_min(1e-9) / highest).clamp_min(-6.0).reshape(-1, 1)
    censored = (-state).amax(dim=2).clamp_min(0.0)
    path = 1e3 * encoded[:, at.condition.start + RELIEF]
    relief = path[:, None].expand(n, RACES).reshape(-1, 1, 1).expand(-1, 1, CELLS)
    scalars = [torch.log(floor), z_own, state_own, censored, seen, present, z.amax(dim=2)]
    return Rows(
        torch.cat([z, mask, lag / (1 + lag), relief], dim=1),
        torch.cat(scalars, dim=1),
        torch.cat([z_own, state_own, present, louder], dim=1),
        mask.amax(dim=2)[:, 0],
        level.reshape(-1),
    )


def centers() -> Tensor:
    """(1, 1, CELLS) shares of the range."""
    return (torch.arange(CELLS, dtype=torch.float32) + 0.5).reshape(1, 1, CELLS) / CELLS


def new_weights(fit: Fit, levels: int, generator: torch.Generator) -> Weights:
    """Random ones, by He et al., ICCV 2015, eq. 10."""
    c, h, k = fit.channels, fit.hidden, fit.kernel
    shapes: dict[str, tuple[int, ...]] = {"first": (c, PLANES, FIRST_KERNEL)}
    for block in range(fit.blocks):
        shapes |= {f"deep{block}": (c, 1, k), f"point{block}": (c, c, 1)}
    shapes |= {"hidden": (h, 2 * c + SCALARS), "back": (c, h), "last_deep": (c, 1, k), "last_point": (c, c, 1)}
    shapes |= {"out": (PARTS, c, 1), "impact1": (IMPACT_HIDDEN, IMPACT_SCALARS), "impact2": (levels, IMPACT_HIDDEN)}
    weights: Weights = {}
    for name, shape in shapes.items():
        fan_in = int(np.prod(shape[1:]))
        weights[name] = torch.randn(shape, generator=generator) * float(np.sqrt(2 / fan_in))
        weights[f"{name}_bias"] = torch.zeros(shape[0])
    for name in ("out", "back", "impact2"):
        weights[name] *= 0.1
    weights["impact2_bias"] += START_GAP
    return weights


def answer(weights: Weights, fit: Fit, given: Rows) -> Answer:
    """What the layers make of rows."""
    logits, hidden = profile(weights, fit.blocks, given.planes, given.scalars)
    return Answer(logits * given.observed[:, None], impact(weights, given.impact), hidden)


def as_it_is(name: str, x: Tensor) -> Tensor:
    """Nothing is changed."""
    return x


def profile(
    weights: Weights, blocks: int, planes: Tensor, scalars: Tensor, seen: Seen = as_it_is
) -> tuple[Tensor, Tensor]:
    """(m, DENSITY) logits and (m, h) hidden. Inside, the channels come last: much faster than conv1d in training."""
    pad = FIRST_KERNEL // 2
    around = functional.pad(planes, (pad, pad)).unfold(2, FIRST_KERNEL, STRIDE)  # (m, planes, places, taps)
    x = functional.linear(around.permute(0, 2, 1, 3).flatten(2), weights["first"].flatten(1), weights["first_bias"])
    x = x.relu()
    for block in range(blocks):
        x = x + separable(weights, f"deep{block}", f"point{block}", x, dilation(block), seen)
    summary = torch.cat([x.mean(dim=1), x.amax(dim=1), scalars], dim=1)
    hidden = functional.linear(summary, weights["hidden"], weights["hidden_bias"]).relu()
    x = x + functional.linear(hidden, weights["back"], weights["back_bias"])[:, None]
    x = separable(weights, "last_deep", "last_point", x, 1, seen)
    return _mixed(weights, "out", x).flatten(1), hidden


def separable(weights: Weights, deep: str, point: str, x: Tensor, dilated: int, seen: Seen = as_it_is) -> Tensor:
    """A convolution of each channel, then a mixture of the channels. x: (m, places, c).

    Source: Howard et al., MobileNets, arXiv:1704.04861, section 3.1.
    """
    taps = weights[deep][:, 0].T
    reach = dilated * (len(taps) - 1) // 2
    around = functional.pad(seen(f"{deep}.in", x), (0, 0, reach, reach))
    total = weights[f"{deep}_bias"] + around[:, : x.shape[1]] * taps[0]
    for k in range(1, len(taps)):
        total = torch.addcmul(total, around[:, k * dilated : k * dilated + x.shape[1]], taps[k])
    return seen(f"{deep}.out", _mixed(weights, point, seen(f"{deep}.mid", total)).relu())


def impact(weights: Weights, scalars: Tensor) -> Tensor:
    """(m, q) rising ratios of the impact to its level; from zero where none was seen: it may be none."""
    x = functional.linear(scalars, weights["impact1"], weights["impact1_bias"]).relu()
    gaps = functional.softplus(functional.linear(x, weights["impact2"], weights["impact2_bias"]))
    return torch.cumsum(gaps, dim=1) - gaps[:, :1] * (-scalars[:, STATE : STATE + 1]).clamp_min(0.0)


def _mixed(weights: Weights, name: str, x: Tensor) -> Tensor:
    return functional.linear(x, weights[name][:, :, 0], weights[f"{name}_bias"])


def parameter_count(weights: Weights) -> int:
    """Trained numbers."""
    return sum(each.numel() for each in weights.values())


def multiplications(weights: Weights) -> int:
    """Of one race: what pruning saves."""
    places = CELLS // STRIDE
    return sum(
        each.numel() * (places if each.dim() == 3 else 1)
        for name, each in weights.items()
        if not name.endswith("_bias")
    )
