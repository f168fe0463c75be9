"""Whole channels taken out of a trained network, so that what remains is a smaller network of the same kind.

All convolutions add to one trunk, so a channel goes from all of them at once. Which: those whose weights matter least,
by the mean square of what leads into and out of them (Molchanov et al., arXiv:1611.06440, compare such criteria).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from inversion.training.network.races import Weights
from inversion.training.network.recipe import Fit


def pruned(weights: Weights, fit: Fit, share: float) -> tuple[Weights, Fit]:
    """The network without a share of its channels, to be fine-tuned, and its shape."""
    gone = round(share * fit.channels)
    if gone == 0:
        return dict(weights), fit
    kept = torch.sort(torch.argsort(importance(weights, fit), descending=True)[: fit.channels - gone]).values
    return _without(weights, fit, kept), replace(fit, channels=fit.channels - gone)


def importance(weights: Weights, fit: Fit) -> Tensor:
    """(c,) of each channel of the trunk: mean square of the weights that make it, times of those that read it."""
    c = fit.channels
    made = weights["first"].square().mean(dim=(1, 2))
    read = weights["hidden"][:, :c].square().mean(dim=0) + weights["hidden"][:, c : 2 * c].square().mean(dim=0)
    for block in range(fit.blocks):
        made = made + weights[f"point{block}"].square().mean(dim=(1, 2))
        read = read + _read(weights, f"deep{block}", f"point{block}")
    made = made + weights["back"].square().mean(dim=1)
    read = read + _read(weights, "last_deep", "last_point")
    return made * read


def _read(weights: Weights, deep: str, point: str) -> Tensor:
    return weights[deep].square().mean(dim=(1, 2)) * weights[point].square().mean(dim=(0, 2))


def _without(weights: Weights, fit: Fit, kept: Tensor) -> Weights:
    c = fit.channels
    left = dict(weights)
    for name in ("first", *(f"deep{k}" for k in range(fit.blocks)), "last_deep", "back"):
        left[name], left[f"{name}_bias"] = weights[name][kept], weights[f"{name}_bias"][kept]
    for name in (*(f"point{k}" for k in range(fit.blocks)), "last_point"):
        left[name], left[f"{name}_bias"] = weights[name][kept][:, kept], weights[f"{name}_bias"][kept]
    left["out"] = weights["out"][:, kept]
    columns = torch.cat([kept, c + kept, torch.arange(2 * c, weights["hidden"].shape[1])])
    left["hidden"] = weights["hidden"][:, columns]
    return {name: each.clone() for name, each in left.items()}
