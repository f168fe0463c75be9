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
at its levels too. NumPy only, some 10 microseconds a window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.core.features import Features
from inversion.core.parameter import ParameterSpace

Array = NDArray[np.float64]
Encoded = NDArray[np.float32]
Floors = Array | Sequence[Array]
Seen = NDArray[np.bool_] | slice

#: Name and version of this encoding; part of a network's fingerprint, so change it with any change of meaning.
ENCODING = "z-state-level-floor-condition/1"
Z_MOST = 8.0
_RATIO_MOST = math.sinh(Z_MOST)  # 1490
_STATES: NDArray[np.float32] = np.array([1.0, -1.0], dtype=np.float32)  # measured, censored


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
    np.maximum(shares, space.nothing, out=shares)
    np.minimum(shares, np.heaviside(floors, space.nothing), out=shares)
    return shares


def encode(features: Features, floors: Floors) -> Encoded:
    """(n, k) rows of n frames. floors: (n, p) shares of the ranges, see `floor_shares`."""
    rows, _ = encode_and_rate(features, floors)
    condition = rows[:, rows.shape[1] - features.conditions.shape[1] :]
    condition[~np.isfinite(features.conditions)] = 0.0
    return rows


def encode_and_rate(features: Features, floors: Floors) -> tuple[Encoded, list[float]]:
    """The same of frames whose conditions are all known, and `ratio_db` of each row.

    Row by row: for what was not observed, as a rule nearly all, nothing is computed.
    """
    d, conditions, flags = features.values.shape[1], features.conditions, features.observed.tobytes()
    at = columns(d, len(floors[0]) if len(floors) else np.shape(floors)[-1], conditions.shape[1])
    rows = np.zeros((len(conditions), at.width), dtype=np.float32)
    rates = []
    for k, count in enumerate(features.counts):
        first = flags.startswith(b"\1" * count, k * d)  # a slice is quicker than a mask
        seen = slice(count) if first else features.observed[k]
        row = rows[k]
        length = _fill(row, at, features.values[k, seen], features.std[k, seen], features.limit[k, seen], seen)
        rates.append(_decibels(length, count))
        row[at.floor] = floors[k]
        row[at.condition] = conditions[k]
    return rows, rates


def ratio_db(encoded: Encoded, at: Columns) -> Array:
    """(n,) signal-to-noise ratio of encoded rows, dB: mean square of value / std over what was observed, at least -20.

    The bands of a network's calibration are cut by it; it does not change with the level of a record.
    """
    decibels = np.empty(len(encoded))
    for k, row in enumerate(encoded):
        ratios = np.sinh(row[at.z][row[at.state] != 0], dtype=np.float64)
        decibels[k] = _decibels(math.hypot(*ratios.tolist()), ratios.size)
    return decibels


def _fill(row: Encoded, at: Columns, values: Array, std: Array, limit: Array, seen: Seen) -> float:
    """Writes what was observed of one frame, (m,) each, and tells the length of values / std."""
    ratio = values / std
    length = math.hypot(*ratio.tolist())
    if not length <= _RATIO_MOST:  # else none of them reaches it
        np.minimum(ratio, _RATIO_MOST, out=ratio)
        np.maximum(ratio, -_RATIO_MOST, out=ratio)
        length = math.hypot(*ratio.tolist())
    row[at.z][seen] = np.arcsinh(ratio, out=ratio)
    row[at.state][seen] = _STATES.take(values <= limit)
    row[at.level][seen] = np.maximum(values, limit, out=ratio)
    return length


def _decibels(length: float, count: int) -> float:
    return 10 * math.log10(max(length * length / (count or 1), 0.01))
