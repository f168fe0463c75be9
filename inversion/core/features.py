"""What a forward model measured in a batch of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sensors import Quality

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """The d observables of n frames, with their noise.

    values: (n, d); std: (n, d), one standard deviation of each value, positive
    limit: (n, d) limit of detection: a value at or below it is censored, it is known only to lie below
        `limit` (-inf where every value is quantitative)
    conditions: (n, c) what the prediction is conditioned on (shaft speed, sample rate, ...)
    quality, reasons: one a frame; the values of a BAD frame mean nothing
    """

    values: Array
    std: Array
    limit: Array
    conditions: Array
    quality: tuple[Quality, ...]
    reasons: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.quality)
        shapes = {self.values.shape, self.std.shape, self.limit.shape}
        if len(shapes) != 1 or self.values.ndim != 2 or len(self.values) != n:
            raise ValueError(f"values, std, limit must share one shape ({n}, d), got {sorted(shapes)}")
        if self.conditions.ndim != 2 or len(self.conditions) != n or len(self.reasons) != n:
            raise ValueError(
                f"conditions and reasons must have {n} rows, got {self.conditions.shape}, {len(self.reasons)}"
            )

    def __len__(self) -> int:
        return len(self.quality)

    @cached_property
    def observed(self) -> NDArray[np.bool_]:
        """(n, d) which values were observed at all, be it as censored ones."""
        observed: NDArray[np.bool_] = np.isfinite(self.values + self.std)
        return observed

    @cached_property
    def counts(self) -> list[int]:
        """How many values were observed, of each frame."""
        flags, d = self.observed.tobytes(), self.values.shape[1]
        return [flags.count(1, k * d, (k + 1) * d) for k in range(len(self))]

    def take(self, rows: Sequence[int]) -> Features:
        """The frames at `rows`, in that order."""
        if list(rows) == list(range(len(self))):
            return self
        chosen = list(rows)
        return Features(
            self.values[chosen],
            self.std[chosen],
            self.limit[chosen],
            self.conditions[chosen],
            tuple(self.quality[row] for row in chosen),
            tuple(self.reasons[row] for row in chosen),
        )
