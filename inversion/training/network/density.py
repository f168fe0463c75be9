"""Densities over a parameter's range: cells of equal width, their quantiles, and the loss of a truth."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

LEAST = 1e-12  # probability of a cell, so that a quotient stays finite


def quantiles(logits: Tensor, levels: Tensor) -> Tensor:
    """(..., k) logits of cells and (q,) levels to (..., q) quantiles, shares of the range.

    Within a cell the density is constant, so the part of it below the level's quantile is
    clip((level - below) / mass, 0, 1), and the quantile is the sum of all parts: rising by construction.
    """
    mass = torch.softmax(logits, dim=-1).clamp_min(LEAST)
    below = torch.cumsum(mass, dim=-1) - mass
    part = (levels[:, None] - below[..., None, :]) / mass[..., None, :]
    return part.clamp(0.0, 1.0).mean(dim=-1)


def cells_of(share: Tensor, count: int) -> Tensor:
    """(n,) shares of the range to (n, count) weights: of the two cells whose centers lie around it."""
    place = (share * count - 0.5).clamp(0.0, count - 1.0)
    low = place.floor().clamp_max(count - 2)
    upper = place - low
    weights = torch.zeros(share.numel(), count)
    index = low.long()[:, None]
    weights.scatter_(1, index, (1 - upper)[:, None])
    weights.scatter_add_(1, index + 1, upper[:, None])
    return weights


def cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean over rows of -sum target log p. target: (n, k) densities; weight: (n,) of the rows."""
    each = -(target * functional.log_softmax(logits, dim=-1)).sum(dim=-1)
    return (each * weight).sum() / weight.sum().clamp_min(1e-6)


def pinball(predicted: Tensor, truth: Tensor, levels: Tensor, weight: Tensor) -> Tensor:
    """Mean quantile loss. predicted: (n, q); truth, weight: (n,).

    Source: Koenker & Bassett, Econometrica 46 (1978) 33-50.
    """
    error = truth[:, None] - predicted
    each = torch.maximum(levels * error, (levels - 1) * error).mean(dim=-1)
    return (each * weight).sum() / weight.sum().clamp_min(1e-6)


def pooled(logits: list[Tensor]) -> Tensor:
    """The logarithm of the mean density of several networks: (n, k) each."""
    together = torch.stack([functional.log_softmax(each, dim=-1) for each in logits])
    return torch.logsumexp(together, dim=0) - float(np.log(len(logits)))


def as_tensor(array: NDArray[np.generic]) -> Tensor:
    """Single precision."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
