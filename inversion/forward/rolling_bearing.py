"""A rolling bearing: how hard a fault of each race strikes, and how wide its spall is.

Parameters, for the outer race, the inner race and the elements ("ball"):

- `*_impact`: m/s2, shown in g: RMS acceleration that the fault's strikes cause at the sensor. Observed by the lines
  of the squared acceleration at multiples of the fault's order (`bearing_impacts`). Present or not is judged by a comb
  against decoys in the same record.
- `*_spall`: m, shown in mm: width along the path of the contact. Observed as the time between an element's entry
  and its strike on the far edge, `width / (2 v)` (Sawalhi & Randall, Mech. Syst. Signal Process. 25 (2011) 846-870).
- nuisances `*_edge` (logarithm of how far an entry stands out), `*_corner` (how soft it is), `*_scatter` (how far the
  edges of the spall are from straight) and `*_relief` (how far beyond the edge an element that enters has lost its load
  and is felt, of the longest such path: its lag is shorter by that path, the width by twice it): see `bearing_entry`.

Conditions: shaft speed and sample rate, Hz, and the longest path of relief, m.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inversion.core import Features, ParameterSpace
from inversion.core.memory import Memory
from inversion.core.picture import Picture
from inversion.core.tangent import Tangent
from inversion.forward import bearing_entry
from inversion.forward.bearing_inputs import Channels, gather
from inversion.forward.bearing_picture import envelope_picture
from inversion.forward.bearing_pool import pool_at
from inversion.forward.bearing_rows import Rows
from inversion.forward.bearing_space import bearing_space, of_a_race
from inversion.forward.bearing_tangent import bearing_tangent
from inversion.physics.bearing import (
    RACES,
    BearingGeometry,
    contact_speed,
    longest_relief,
    shaft_conflicts,
    width_floor,
)
from inversion.physics.catalog import CatalogEntry, FaultOrders, find, geometry_from_orders
from inversion.store.bearings import listed_bearings
from sensors import Frame

Array = NDArray[np.float64]
Index = NDArray[np.intp]

CELLS = 128  # of the width grid
LONGEST_POOL_MINUTES = 7 * 24 * 60.0  # what has stood out for a week needs no pooling
_SHORT = 0.5  # of the path that is to be allowed for: a shorter one is worth a caution


@dataclass(frozen=True)
class RollingBearing:
    """Hidden parameters of one rolling bearing whose outer ring stands still.

    Exactly one of these says which bearing it is: bearing, its numbers; designation, as the catalog lists it;
    fault_orders, as the maker's calculator prints them.
    channel: acceleration, m/s2; speed_channel: shaft speed, Hz, one sample or its course over the window;
    tacho_channel: pulses, any unit, instead of a speed; shaft_hz: used where the frame has no speed
    speed_tolerance: how far a constant speed may be off, relative, such as 0.05 for a nameplate: it is then found
        in the vibration
    widest_mm, hardest_g: upper ends of the priors
    relief_mm: longest path beyond the edge on which an element that enters loses its load, see docs/guides/bearings.md:
        widths are less certain by twice that path. None: 0.057 of an element's diameter; 0: it is felt at the edge
    pool_minutes: evidence of a fault is pooled over the windows of an asset that are no older, see
        docs/guides/bearings.md; 0: every window is judged by itself
    """

    bearing: BearingGeometry | None = None
    designation: str = ""
    fault_orders: FaultOrders | None = None
    channel: str = "acceleration"
    speed_channel: str = "shaft_hz"
    tacho_channel: str = ""
    pulses_per_revolution: int = 1
    shaft_hz: float | None = None
    widest_mm: float = 8.5
    hardest_g: float = 50.0
    speed_tolerance: float = 0.0
    relief_mm: float | None = None
    pool_minutes: float = 0.0

    def __post_init__(self) -> None:
        given = [self.bearing is not None, bool(self.designation), self.fault_orders is not None]
        if sum(given) != 1:
            raise ValueError(
                f"exactly one of bearing, designation, fault_orders must be given, got {sum(given)} of them"
            )
        if not 0 < self.widest_mm <= self.geometry.pitch_diameter_mm:
            raise ValueError(
                f"widest_mm must be positive and below the pitch diameter, "
                f"{self.geometry.pitch_diameter_mm:g} mm, got {self.widest_mm}"
            )
        if self.pulses_per_revolution < 1:
            raise ValueError(f"pulses_per_revolution must be at least 1, got {self.pulses_per_revolution}")
        if self.relief_mm is not None and not 0 <= self.relief_mm <= self.geometry.element_diameter_mm:
            raise ValueError(f"relief_mm must lie between 0 and an element's diameter, got {self.relief_mm}")
        if not 0 <= self.pool_minutes <= LONGEST_POOL_MINUTES:
            raise ValueError(f"pool_minutes must lie between 0 and {LONGEST_POOL_MINUTES:g}, got {self.pool_minutes}")
        if not 0 < self.hardest_g < np.inf:
            raise ValueError(f"hardest_g must be positive and finite, got {self.hardest_g}")
        if not 0 <= self.speed_tolerance <= 0.1:
            raise ValueError(f"speed_tolerance must lie between 0 and 0.1, got {self.speed_tolerance}")
        if self.shaft_hz is not None and not self.shaft_hz > 0:
            raise ValueError(f"shaft_hz must be positive, got {self.shaft_hz}")

    @cached_property
    def geometry(self) -> BearingGeometry:
        """Numbers of the bearing, whichever way they were given."""
        if self.bearing is not None:
            return self.bearing
        if self.fault_orders is not None:
            return geometry_from_orders(self.fault_orders)
        return self._listed.geometry

    @property
    def _listed(self) -> CatalogEntry:
        return find(self.designation, listed_bearings())

    @cached_property
    def relief(self) -> float:
        """Longest path of relief, m."""
        return longest_relief(self.geometry) if self.relief_mm is None else self.relief_mm * 1e-3

    @property
    def cautions(self) -> tuple[str, ...]:
        """Whose numbers a designation stands for, and what this geometry makes hard to tell."""
        said = []
        if self.designation:
            entry = self._listed
            said.append(f"{self.designation} is taken as {entry.name}: {entry.source}")
            said += [entry.note] if entry.note else []
        said += shaft_conflicts(self.geometry)
        least = longest_relief(self.geometry)
        if self.relief < _SHORT * least:
            said.append(
                f"relief_mm is {self.relief * 1e3:g}: a width of a loaded bearing may come out {2e3 * least:.1f} mm "
                f"too small, outside its interval; {least * 1e3:.2f} allows for that, see the guide to bearings"
            )
        return tuple(said)

    @cached_property
    def space(self) -> ParameterSpace:
        """Impacts, spalls, then the nuisances of each race: the same whatever the bearing."""
        return bearing_space(self.widest_mm * 1e-3, self.hardest_g * 9.80665)

    @cached_property
    def observables(self) -> tuple[str, ...]:
        """Impact of each race, then its edge profile over the width grid."""
        profiles = [f"{race}_edge_{k:03d}" for race in RACES for k in range(CELLS)]
        return (*(f"{race}_impact" for race in RACES), *profiles)

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """The acceleration, and the speed or tacho unless the speed is configured."""
        if self.tacho_channel:
            return self.channel, self.tacho_channel
        return (self.channel,) if self.shaft_hz is not None else (self.channel, self.speed_channel)

    @cached_property
    def widths(self) -> Array:
        """(CELLS,) m, centers of the cells of the width grid."""
        centers: Array = (np.arange(CELLS, dtype=np.float64) + 0.5) * (self.widest_mm * 1e-3 / CELLS)
        return centers

    @cached_property
    def _sample_at_one(self) -> float:
        """m of width a sample of lag, at one revolution and one sample a second."""
        return 2 * contact_speed(self.geometry, 1.0)

    def floor(self, conditions: Array) -> Array:
        """Zero for the impacts; for the widths 20 v / fs: entry and exit ten samples apart."""
        shaft_hz, sample_rate, *_ = conditions.tolist()
        floors = np.zeros(len(self.space))
        if shaft_hz > 0 and sample_rate > 0:
            least = min(width_floor(self.geometry, shaft_hz, sample_rate), self.widest_mm * 1e-3)
            floors[3] = floors[4] = floors[5] = least
        return floors

    def warm(self) -> None:
        """The table of marks of an entry: a tenth of a second."""
        bearing_entry.warm()

    def simulate(self, theta: Array, conditions: Array) -> Array:
        """Impacts as they are; an edge profile with one mark where entry and exit are that far apart.

        theta: (..., p); conditions: (..., 3) shaft speed and sample rate, Hz, longest path of relief, m; returns
        (..., 3 + 3 CELLS).
        """
        theta, conditions = np.asarray(theta), np.asarray(conditions)
        sample = self._sample_at_one * conditions[..., 0] / conditions[..., 1]
        shape = np.broadcast_shapes(theta.shape[:-1], conditions.shape[:-1])
        predicted = np.empty((*shape, 3 + 3 * CELLS))
        predicted[..., :3] = theta[..., :3]
        for race in range(3):
            where = slice(3 + race * CELLS, 3 + (race + 1) * CELLS)
            marks = bearing_entry.marks(theta[..., of_a_race(race, len(self.space))], conditions, sample)
            predicted[..., where] = marks.at(self.widths / sample[..., None])
        return predicted

    def links(self) -> NDArray[np.bool_]:
        """(p, 3 + 3 CELLS): an impact moves its observable; width and nuisances the edge profile of their race."""
        races = np.eye(len(RACES), dtype=np.bool_)
        cells = np.repeat(races, CELLS, axis=1)
        nothing = np.zeros_like(races)
        return np.block([[races, np.zeros_like(cells)], *([nothing, cells] for _ in of_a_race(0, len(self.space)))])

    def tangent(self, theta: Array, conditions: Array, parameters: Index, observables: Index) -> Tangent:
        """Of `simulate`, in closed form."""
        sample = self._sample_at_one * conditions[..., 0] / conditions[..., 1]
        return bearing_tangent(self.widths, sample, theta, conditions, parameters, observables)

    def observe(self, frames: Sequence[Frame]) -> Features:
        """Impacts and edge profiles of each frame; what a frame does not tell has an infinite deviation."""
        return self._rows.joined([self._rows.of(frame, None)[0] for frame in frames])

    @property
    def remembers(self) -> bool:
        """Whether evidence is pooled over windows."""
        return self.pool_minutes > 0

    def observe_in_turn(
        self, frames: Sequence[Frame], memories: Mapping[str, Memory | None]
    ) -> tuple[Features, dict[str, Memory | None]]:
        """As `observe`, a fault being claimed too where the windows of the last `pool_minutes` show it together."""
        after, rows = dict(memories), []
        for frame in frames:
            pool = pool_at(after.get(frame.asset), frame.start_ns, 60 * self.pool_minutes)
            row, pool_after = self._rows.of(frame, pool)
            if pool_after is not None:
                after[frame.asset] = pool_after.to_dict()
            rows.append(row)
        return self._rows.joined(rows), after

    def pictures(self, frame: Frame) -> tuple[Picture, ...]:
        """The squared-acceleration spectrum by orders with the fault orders marked, for people."""
        inputs = gather(frame, self._rows.channels)
        return () if isinstance(inputs, str) else (envelope_picture(inputs.waveform, inputs.shaft_hz, self.geometry),)

    @cached_property
    def _rows(self) -> Rows:
        names = Channels(
            self.channel,
            self.speed_channel,
            self.tacho_channel,
            self.pulses_per_revolution,
            self.shaft_hz,
            self.speed_tolerance,
        )
        return Rows(names, self.geometry, self.widths, self.widest_mm * 1e-3, self.relief)
