"""Labelled windows: what was measured in them, and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.core import InversionError

Array = NDArray[np.float64]

FEWEST_WINDOWS = 8
FEWEST_GROUPS = 3


class CalibrationError(InversionError):
    """The labelled windows cannot teach what is asked; the message is one line."""


@dataclass(frozen=True)
class Labelled:
    """n windows.

    values: (n, d) features, NaN where not seen; conditions: (n, c); theta: (n, p) SI
    group: (n,) names; windows of one group share what is not to be learnt (a mounting, a trial, a stretch of time)
    units, sample_rates, window_s: what the recordings were like, by channel
    """

    values: Array
    conditions: Array
    theta: Array
    group: NDArray[np.str_]
    units: Mapping[str, str]
    sample_rates: Mapping[str, float]
    window_s: float

    def __len__(self) -> int:
        return len(self.theta)

    def take(self, rows: NDArray[Any]) -> Labelled:
        """Some of the windows."""
        return Labelled(
            self.values[rows],
            self.conditions[rows],
            self.theta[rows],
            self.group[rows],
            self.units,
            self.sample_rates,
            self.window_s,
        )


def check_enough(labelled: Labelled, names: tuple[str, ...], baseline: bool, fewest_groups: int) -> None:
    """Raises CalibrationError for windows that are too few, or that never differ in what shall be learnt."""
    if len(labelled) < FEWEST_WINDOWS:
        raise CalibrationError(f"{len(labelled)} usable windows, expected at least {FEWEST_WINDOWS}")
    if baseline:
        return
    for name, column in zip(names, labelled.theta.T, strict=True):
        if np.ptp(column) == 0:
            raise CalibrationError(f"{name} is {column[0]:g} (SI) in every window, expected at least two values")
    groups = np.unique(labelled.group).size
    if groups < fewest_groups:
        raise CalibrationError(f"{groups} groups of windows, expected at least {fewest_groups}: one is always left out")
