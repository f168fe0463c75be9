"""Weights as integers: 8 bits in the trunk, a step for each of its rows; 16 at its ends and in the echo.

Those are small and carry the units of the answer.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inversion.training.dense.layers import Weights

SHORT = "dense"  # begins the names of the layers in 8 bits
_LEAST = 1e-9


def integers(name: str, weight: NDArray[np.float32]) -> tuple[NDArray[np.signedinteger], NDArray[np.float32]]:
    """(m, k) integers of a weight, and the step of each row (m,)."""
    short = name.startswith(SHORT)
    most = 127 if short else 32_767
    steps = (np.maximum(np.abs(weight).max(axis=1), _LEAST) / most).astype(np.float32)
    whole = np.clip(np.round(weight / steps[:, None]), -most, most)
    return whole.astype(np.int8 if short else np.int16), steps


def rounded(weights: Weights) -> Weights:
    """Every matrix on its grid, with the slope of what it was (straight-through)."""
    return {name: each if name.endswith("_bias") else _on_grid(name, each) for name, each in weights.items()}


def _on_grid(name: str, weight: Tensor) -> Tensor:
    whole, steps = integers(name, weight.detach().numpy())
    on = torch.from_numpy(whole.astype(np.float32) * steps[:, None])
    return weight + (on - weight).detach()
