"""Weights and activations on grids of few integers, in training as in the graph that comes of it.

Weights lie symmetrically about zero, those of the two dense layers behind the convolutions in 4 bits, of the small
layers of the impact in 16, all others in 8. A layer has one step: one for each channel would take four bytes of it and
give nothing that fine-tuning does not. What is convolved has 8 bits, its range taken from windows (Jacob et al.,
arXiv:1712.05877, section 3). Before that a convolution of each channel gives its bias and its unequal strengths to the
mixture behind it, which changes no answer (Nagel et al., arXiv:1906.04721, section 4.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inversion.training.network import races
from inversion.training.network.races import Weights

FOUR_BITS = ("hidden", "back")
SIXTEEN_BITS = "impact"  # begins the names of those that carry the unit of an answer: a few numbers
#: Biases that are integers too; those of `point` have the step of the products that they are added to.
SHORT_BIASES = ("first_bias", "hidden_bias", "back_bias", "impact1_bias", "impact2_bias")
_OUTERMOST = 1e-4  # share of the numbers at either end that a range leaves out
_LEAST = 1e-6
_UNEVEN = 4.0


@dataclass(frozen=True)
class Rounding:
    """Ranges (low, high) of what is convolved, by layer and part: "deep0.in", "deep0.mid", "deep0.out"."""

    ranges: Mapping[str, tuple[float, float]]

    def grid(self, deep: str, part: str) -> tuple[float, int]:
        """The step, and the integer that is zero."""
        low, high = self.ranges[f"{deep}.{part}"]
        step = max(high - low, _LEAST) / 255
        return step, int(np.clip(round(-low / step), 0, 255))

    def seen(self, name: str, x: Tensor) -> Tensor:
        """The number on the grid next to each, with the slope of what it was (straight-through)."""
        step, zero = self.grid(*name.split("."))
        on = (torch.round(x / step) + zero).clamp(0, 255).sub(zero) * step
        within = x.clamp(-zero * step, (255 - zero) * step)
        return within + (on - within).detach()


def started(weights: Weights, blocks: int, rows: races.Rows) -> tuple[Weights, Rounding]:
    """A trained network made ready: the same answers, from weights that are lost little of by rounding."""
    made = _evened(weights, blocks, rows)
    return made, _of_windows(made, blocks, rows)


def _of_windows(weights: Weights, blocks: int, rows: races.Rows) -> Rounding:
    """The ranges over some rows."""
    found: dict[str, tuple[float, float]] = {}

    def look(name: str, x: Tensor) -> Tensor:
        values = x.flatten().numpy()
        low, high = np.quantile(values, [_OUTERMOST, 1 - _OUTERMOST])
        found[name] = min(float(low), 0.0), max(float(high), 0.0)
        return x

    with torch.no_grad():
        races.profile(weights, blocks, rows.planes, rows.scalars, look)
    return Rounding(found)


def _evened(weights: Weights, blocks: int, rows: races.Rows) -> Weights:
    """The same network, whose convolutions of each channel have no bias and channels of like strength."""
    strongest: dict[str, Tensor] = {}

    def look(name: str, x: Tensor) -> Tensor:
        if name.endswith(".mid"):
            strongest[name.split(".")[0]] = x.abs().amax(dim=(0, 1))
        return x

    made = _evened_impact(folded(weights))
    with torch.no_grad():
        races.profile(made, blocks, rows.planes, rows.scalars, look)
    for deep, answered in strongest.items():
        point = behind(deep)
        strength = _strength(made[deep].abs().amax(dim=(1, 2)), answered)
        made[deep] = made[deep] / strength[:, None, None]
        made[point] = made[point] * strength[None, :, None]
    return made


def _evened_impact(weights: Weights) -> Weights:
    """The same answers, every hidden unit with weights as large before it as behind it."""
    before, after = (weights[name].abs() for name in ("impact1", "impact2"))
    strength = (before.amax(dim=1).clamp_min(_LEAST) / after.amax(dim=0).clamp_min(_LEAST)).sqrt()
    return {
        **weights,
        "impact1": weights["impact1"] / strength[:, None],
        "impact1_bias": weights["impact1_bias"] / strength,
        "impact2": weights["impact2"] * strength[None],
    }


def _strength(largest: Tensor, answered: Tensor) -> Tensor:
    """(c,) what each channel is divided by, between its largest weight and its largest answer.

    Within _UNEVEN of its largest weight: a channel that is never excited would else coarsen the step of all others.
    """
    largest = largest.clamp_min(_LEAST)
    excited = (answered / largest).sqrt()
    typical = excited[excited > 0].median() if bool((excited > 0).any()) else torch.ones(())
    return largest * (excited / typical).clamp(1 / _UNEVEN, _UNEVEN)


def folded(weights: Weights) -> Weights:
    """The biases of convolutions of each channel given to the mixture behind: they pass it as they are."""
    made = dict(weights)
    for deep in [name for name in weights if "deep" in name and not name.endswith("_bias")]:
        point = behind(deep)
        made[f"{point}_bias"] = made[f"{point}_bias"] + made[point][:, :, 0] @ made[f"{deep}_bias"]
        made[f"{deep}_bias"] = torch.zeros_like(made[f"{deep}_bias"])
    return made


def behind(deep: str) -> str:
    """The mixture behind a convolution of each channel."""
    return deep.replace("deep", "point")


def before(point: str) -> str:
    """The convolution of each channel before a mixture."""
    return point.replace("point", "deep")


def rounded(weights: Weights) -> Weights:
    """Every weight on its grid, with the slope of what it was; without biases of convolutions of each channel."""
    made = {}
    for name, each in weights.items():
        if name.endswith("_bias"):
            stays = each if name not in SHORT_BIASES else each + (_on_grid(name, each) - each).detach()
            made[name] = 0 * each if "deep" in name else stays
        else:
            made[name] = each + (_on_grid(name, each) - each).detach()
    return made


def integers(name: str, weight: NDArray[np.float32]) -> tuple[NDArray[np.signedinteger], np.float32]:
    """The integers of a weight or bias, and their step."""
    wide = name.startswith(SIXTEEN_BITS)
    most = 7 if name in FOUR_BITS else 32_767 if wide else 127
    step = np.float32(max(np.abs(weight).max(), _LEAST) / most)
    return np.clip(np.round(weight / step), -most, most).astype(np.int16 if wide else np.int8), step


def _on_grid(name: str, weight: Tensor) -> Tensor:
    whole, step = integers(name, weight.detach().numpy())
    return torch.from_numpy(whole.astype(np.float32) * step)
