"""What a network is shown of a model's features: numbers that are of order one on any machine.

One row holds, in this order (d observables, p parameters, c conditions), k = 3 d + p + c:

- `z` (d): arcsinh(value / std), at most Z_MOST; 0 where not observed. How far a value stands out of its own noise.
- `state` (d): 1 measured, -1 censored (at or below its limit of detection), 0 not observed.
- `level` (d): SI, the value where measured, the limit where censored, 0 where not observed. **Only a unit of answers**
  (an impact of so many times the level), never evidence: levels do not transfer from one machine to the next, a value
  over its noise does. Scaling a record then scales its impacts and changes nothing else.
- `floor` (p): the floor of each parameter as a share of its range, 0 where there is none.
- `condition` (c): as `Features.conditions` has them, 0 where unknown.

Of any forward model; a network takes the columns that it was trained on, and one that serves a single machine may look
at its levels too. NumPy only, some 20 microseconds a window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.core.features import Features
from inversion.core.parameter import ParameterSpace

Array = NDArray[np.float64]
Encoded = NDArray[np.float32]

#: Name and version of this encoding; part of a network's fingerprint, so change it with any change of meaning.
ENCODING = "z-state-level-floor-condition/1"
Z_MOST = 8.0  # arcsinh(1490)


@dataclass(frozen=True)
class Columns:
    """Where each part stands in an encoded row."""

    z: slice
    state: slice
    level: slice
    floor: slice
    condition: slice

    @property
    def width(self) -> int:
        """k, the length of a row."""
        return int(self.condition.stop)


@lru_cache(maxsize=64)
def columns(observables: int, parameters: int, conditions: int) -> Columns:
    """Of a model with so many of each."""
    d, p, c = observables, parameters, conditions
    return Columns(
        slice(0, d), slice(d, 2 * d), slice(2 * d, 3 * d), slice(3 * d, 3 * d + p), slice(3 * d + p, 3 * d + p + c)
    )


def floor_shares(space: ParameterSpace, floors: Array) -> Array:
    """(..., p) SI, as `ForwardModel.floor` tells, to (..., p) shares of the ranges, 0 where there is none."""
    shares: Array = (floors - space.low) / space.span
    np.maximum(shares, 0.0, out=shares)
    np.minimum(shares, 1.0, out=shares)
    shares *= floors > 0
    return shares


def encode(features: Features, floors: Array) -> Encoded:
    """(n, k) rows of n frames. floors: (n, p) shares of the ranges, see `floor_shares`."""
    values, std, limit = features.values, features.std, features.limit
    n, d = values.shape
    at = columns(d, floors.shape[1], features.conditions.shape[1])
    seen = features.observed
    row = np.zeros((n, at.width), dtype=np.float32)
    ratio = np.divide(values, std, out=np.zeros((n, d)), where=seen)
    np.arcsinh(ratio, out=ratio, where=seen)
    np.minimum(ratio, Z_MOST, out=ratio)
    row[:, at.z] = np.maximum(ratio, -Z_MOST, out=ratio)
    np.copyto(row[:, at.state], np.where(values <= limit, -1.0, 1.0), where=seen, casting="same_kind")
    np.copyto(row[:, at.level], np.maximum(values, limit), where=seen, casting="same_kind")
    row[:, at.floor] = floors
    np.copyto(row[:, at.condition], features.conditions, where=np.isfinite(features.conditions), casting="same_kind")
    return row


def ratio_db(encoded: Encoded, at: Columns) -> Array:
    """(n,) signal-to-noise ratio of encoded rows, dB: mean square of value / std over what was observed, at least -20.

    The bands of a network's calibration are cut by it; it does not change with the level of a record.
    """
    ratios, state = np.sinh(encoded[:, at.z]), encoded[:, at.state]  # zero where nothing was observed
    decibels = np.empty(len(encoded))
    for k, row in enumerate(ratios):
        mean = float(row @ row) / (int(np.count_nonzero(state[k])) or 1)
        decibels[k] = 10 * math.log10(max(mean, 0.01))
    return decibels
