"""One frame made into a row of a rolling bearing's features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inversion.core import Features
from inversion.forward import bearing_observation as observation
from inversion.forward.bearing_inputs import Channels, gather
from inversion.forward.bearing_pool import Pool
from inversion.physics.bearing import RACES, BearingGeometry, shaft_conflicts
from sensors import Frame, Quality

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """numbers: (3, d) values, deviations, limits of detection; conditions: (3,) of the model."""

    numbers: Array
    conditions: Array
    quality: Quality
    reason: str


@dataclass(frozen=True)
class Rows:
    """How frames become rows.

    widths: (cells,) m, centers of the cells of the width grid; widest: m, its end; relief: m, the longest path of it
    """

    channels: Channels
    geometry: BearingGeometry
    widths: Array
    widest: float
    relief: float

    def of(self, frame: Frame, pool: Pool | None) -> tuple[Row, Pool | None]:
        """What one frame tells, and the pool after it; None where it adds nothing."""
        numbers = self._nothing.copy()
        inputs = gather(frame, self.channels)
        if isinstance(inputs, str):
            return Row(numbers, np.array([np.nan, np.nan, self.relief]), Quality.BAD, inputs), None
        waveform, shaft_hz = inputs.waveform, inputs.shaft_hz
        conditions = np.array([shaft_hz, waveform.sample_rate, self.relief])
        widest = self.widest if inputs.steady else None
        seen = observation.observe(waveform, shaft_hz, self.geometry, widest, pool)
        if isinstance(seen, str):
            return Row(numbers, conditions, Quality.UNCERTAIN, seen), None
        for i, race in enumerate(RACES):
            impact = seen.impacts[race]
            numbers[:, i] = impact.value, impact.std, -np.inf if impact.present else impact.limit
        for race, profile in seen.profiles.items():
            first = len(RACES) + RACES.index(race) * self.widths.size
            cells = numbers[:, first : first + self.widths.size]
            cells[0], cells[1], cells[2] = observation.on_grid(profile, self.widths)
        reasons = [waveform.reason, inputs.remark, *seen.remarks, *shaft_conflicts(self.geometry)]
        return Row(numbers, conditions, waveform.quality, "; ".join(filter(None, reasons))), seen.pool

    def joined(self, rows: Sequence[Row]) -> Features:
        """The features of so many frames."""
        numbers, conditions = np.empty((3, len(rows), self._nothing.shape[1])), np.empty((len(rows), 3))
        for k, row in enumerate(rows):
            numbers[:, k], conditions[k] = row.numbers, row.conditions
        values, std, limit = numbers
        qualities, reasons = tuple(row.quality for row in rows), tuple(row.reason for row in rows)
        return Features(values, std, limit, conditions, qualities, reasons)

    @cached_property
    def _nothing(self) -> Array:
        """(3, d) of a frame that tells nothing."""
        each = np.array([[0.0], [np.inf], [-np.inf]])
        return np.repeat(each, len(RACES) * (1 + self.widths.size), axis=1)
