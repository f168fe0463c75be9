"""The layers of a dense network: functions of named weights. `graph.py` says the same in ONNX, a test holds both equal.

A trunk of rectified layers over all features; from it a median and rising gaps on either side of it for each parameter.
Beside it an echo: what the features should be where the medians are right, and how far they scatter. How far a window
lies from its own echo is the latent that the misfit is judged by: the reconstruction, as the chi-square of a solver.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inversion.core.encoding import Columns
from inversion.training.network.recipe import Fit

Weights = dict[str, Tensor]

LEAST_GAP = 1e-6  # of the range: quantiles rise also after rounding
NEAR = 2e-3  # of the range: the echo sees distances from its ends on a logarithmic scale down to this
START_GAP = -3.0
ECHO = "echo"


@dataclass(frozen=True)
class Scale:
    """How inputs are standardized. mean, deviation: (k') of the columns `seen`."""

    mean: Tensor
    deviation: Tensor


@dataclass(frozen=True)
class Shape:
    """d observables, c conditions, p parameters answered, q levels, the `middle`-th of which is the median."""

    observables: int
    conditions: int
    parameters: int
    levels: int
    middle: int

    @property
    def inputs(self) -> int:
        """Value over noise, state and value of each observable, and the conditions."""
        return 3 * self.observables + self.conditions


def seen(encoded: Tensor, at: Columns) -> Tensor:
    """(n, k) encoded rows to the (n, k') that the layers see: all but the floors, which a fitted model has none of."""
    return torch.cat([encoded[:, : at.level.stop], encoded[:, at.condition]], dim=1)


def scale_of(encoded: Tensor, at: Columns) -> Scale:
    """Of windows to learn from; a column that never changes stays."""
    inputs = seen(encoded, at)
    deviation = inputs.std(dim=0)
    return Scale(inputs.mean(dim=0), torch.where(deviation > 0, deviation, torch.ones_like(deviation)))


def new_weights(fit: Fit, shape: Shape, generator: torch.Generator) -> Weights:
    """Random ones, by He et al., ICCV 2015, eq. 10."""
    c, e, d = fit.channels, fit.hidden, shape.observables
    told = 3 * shape.parameters + shape.conditions
    shapes = {"first": (c, shape.inputs)} | {f"dense{k}": (c, c) for k in range(fit.blocks)}
    shapes |= {"last": (shape.parameters * shape.levels, shape.inputs + c)}
    shapes |= {f"{ECHO}0": (e, told), f"{ECHO}1": (e, e), f"{ECHO}2": (2 * d, e)}
    weights: Weights = {}
    for name, size in shapes.items():
        weights[name] = torch.randn(size, generator=generator) * float(np.sqrt(2 / size[1]))
        weights[f"{name}_bias"] = torch.zeros(size[0])
    for name in ("last", f"{ECHO}2"):
        weights[name] *= 0.1
    bias = weights["last_bias"].reshape(shape.parameters, shape.levels)
    bias[:, 0], bias[:, 1:] = 0.5, START_GAP
    return weights


def quantiles(weights: Weights, blocks: int, shape: Shape, inputs: Tensor) -> Tensor:
    """(n, k') standardized inputs to (n, p, q) rising shares of the ranges, not yet cut at the ends."""
    x = _linear(weights, "first", inputs).relu()
    for k in range(blocks):
        x = x + _linear(weights, f"dense{k}", x).relu()
    out = _linear(weights, "last", torch.cat([inputs, x], dim=1)).reshape(-1, shape.parameters, shape.levels)
    parts = torch.cat([out[..., :1], functional.softplus(out[..., 1:]) + LEAST_GAP], dim=-1)
    return parts @ torch.from_numpy(stairs(shape))


def echo(weights: Weights, shape: Shape, shares: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
    """(n, p) shares and (n, c) standardized conditions to (n, d) expected `z`, and the logarithm of its deviation."""
    ends = [torch.log(shares + NEAR), torch.log(1 - shares + NEAR)]
    x = torch.cat([shares, *ends, conditions], dim=1)
    for k in range(2):
        x = _linear(weights, f"{ECHO}{k}", x).relu()
    told = _linear(weights, f"{ECHO}2", x)
    return told[:, : shape.observables], told[:, shape.observables :]


def answer(weights: Weights, blocks: int, shape: Shape, scale: Scale, encoded: Tensor, at: Columns) -> tuple[
    Tensor, Tensor
]:  # fmt: skip
    """(n, k) encoded rows to (n, p, q) quantiles, shares, and (n, d) latent: distance of each `z` from its echo."""
    inputs = (seen(encoded, at) - scale.mean) / scale.deviation
    shares = quantiles(weights, blocks, shape, inputs).clamp(0, 1)
    expected, scatter = echo(weights, shape, shares[..., shape.middle], inputs[:, 3 * shape.observables :])
    apart = encoded[:, at.state].abs() * (encoded[:, at.z] - expected) * torch.exp(-scatter)
    return shares, apart


def stairs(shape: Shape) -> np.ndarray:
    """(q, q): the median and q - 1 gaps, from the lowest to the highest, to q quantiles."""
    made = np.zeros((shape.levels, shape.levels), dtype=np.float32)
    made[0] = 1
    for gap in range(shape.levels - 1):
        if gap < shape.middle:
            made[1 + gap, : gap + 1] = -1
        else:
            made[1 + gap, gap + 1 :] = 1
    return made


def pruned(weights: Weights, fit: Fit, share: float) -> tuple[Weights, Fit]:
    """Without a share of the channels of the trunk, those whose weights matter least; to be fine-tuned.

    Molchanov et al., arXiv:1611.06440, compare such criteria.
    """
    gone = round(share * fit.channels)
    inputs = weights["first"].shape[1]
    made = weights["first"].square().mean(dim=1)
    read = weights["last"][:, inputs:].square().mean(dim=0)
    for k in range(fit.blocks):
        made = made + weights[f"dense{k}"].square().mean(dim=1)
        read = read + weights[f"dense{k}"].square().mean(dim=0)
    kept = torch.sort(torch.argsort(made * read, descending=True)[: fit.channels - gone]).values
    left = dict(weights)
    for name in ("first", *(f"dense{k}" for k in range(fit.blocks))):
        left[name], left[f"{name}_bias"] = weights[name][kept], weights[f"{name}_bias"][kept]
    for k in range(fit.blocks):
        left[f"dense{k}"] = left[f"dense{k}"][:, kept]
    left["last"] = torch.cat([weights["last"][:, :inputs], weights["last"][:, inputs:][:, kept]], dim=1)
    return {name: each.clone() for name, each in left.items()}, replace(fit, channels=fit.channels - gone)


def _linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    return functional.linear(x, weights[name], weights[f"{name}_bias"])
