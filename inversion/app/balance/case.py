"""The case file of a balancing job, read strictly. Every vector is [amplitude, angle in degrees]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from inversion.app.options import build, read_document
from inversion.core import ConfigurationError

Vector = tuple[float, float]

LOSSES = ("squares", "huber", "bisquare")


@dataclass(frozen=True)
class Sensor:
    """`[[sensor]]`. weight: how much its remaining vibration counts, against 1 of the others."""

    name: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ValueError(f"weight must be positive, got {self.weight}")


@dataclass(frozen=True)
class Plane:
    """`[[plane]]`.

    radius_mm: of the correction masses; with it unbalances are told in g·mm
    positions: number of equally spaced positions for masses, the first at first_deg; or positions_deg, each by itself
    heaviest, step: most that a position holds, and what weights are multiples of, in the case's unit of mass
    removed: True where mass is taken away (drilled), not added
    """

    name: str
    radius_mm: float | None = None
    positions: int = 0
    first_deg: float = 0.0
    positions_deg: tuple[float, ...] = ()
    heaviest: float | None = None
    step: float = 0.0
    removed: bool = False

    def __post_init__(self) -> None:
        if self.radius_mm is not None and not 0 < self.radius_mm < math.inf:
            raise ValueError(f"radius_mm must be positive, got {self.radius_mm}")
        if self.positions < 0 or (self.positions and self.positions_deg):
            raise ValueError(f"positions must be a number of positions, or positions_deg their angles, got {self}")
        if self.heaviest is not None and not 0 < self.heaviest < math.inf:
            raise ValueError(f"heaviest must be positive, got {self.heaviest}")
        if not 0 <= self.step < math.inf:
            raise ValueError(f"step must be zero or more, got {self.step}")

    @property
    def angles_deg(self) -> tuple[float, ...]:
        """Where masses may go; empty where anywhere."""
        if not self.positions:
            return self.positions_deg
        return tuple(self.first_deg + 360 * k / self.positions for k in range(self.positions))


@dataclass(frozen=True)
class Rotor:
    """`[rotor]`, for the grade of ISO 21940-11. shares: of its mass, one a plane; equal by default."""

    mass_kg: float
    rpm: float
    grade: float = 6.3
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("mass_kg", "rpm", "grade"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.shares and not (min(self.shares) > 0 and abs(sum(self.shares) - 1) < 1e-6):
            raise ValueError(f"shares must be positive and add up to 1, got {list(self.shares)}")


@dataclass(frozen=True)
class BalanceCase:
    """One balancing job at one speed; S sensors, P planes.

    vibration: (S) initial run; repeats: further initial runs; runout: (S) slow roll
    influence: (S)(P) known coefficients; or trial_runs: (S)(P) readings with trial_masses (P) mounted one after the
        other, trial_repeats: further such sets; keep_trial: trial masses stay in, each run holds all before it
    error: relative, error_floor: absolute, of each reading; influence_error: relative, of known coefficients. All
        are standard deviations of a component. Without them, repeats tell; without those, 2 % are assumed
    loss: "squares"; "huber" where single sensors may be off, "bisquare" where they may be altogether wrong
    level: probability of the intervals; published: (P) masses to compare with
    """

    name: str
    vibration: tuple[Vector, ...]
    source: str = ""
    repeats: tuple[tuple[Vector, ...], ...] = ()
    runout: tuple[Vector, ...] = ()
    influence: tuple[tuple[Vector, ...], ...] = ()
    trial_runs: tuple[tuple[Vector, ...], ...] = ()
    trial_repeats: tuple[tuple[tuple[Vector, ...], ...], ...] = ()
    trial_masses: tuple[Vector, ...] = ()
    keep_trial: bool = False
    error: float | None = None
    error_floor: float = 0.0
    influence_error: float | None = None
    loss: str = "squares"
    level: float = 0.9
    vibration_unit: str = ""
    mass_unit: str = "g"
    sensor: tuple[Sensor, ...] = ()
    plane: tuple[Plane, ...] = ()
    rotor: Rotor | None = None
    published: tuple[Vector, ...] = ()

    def __post_init__(self) -> None:
        self._check_readings()
        self._check_shapes()
        self._check_trials()
        for key in ("error", "influence_error"):
            value = getattr(self, key)
            if value is not None and not 0 <= value < 1:
                raise ValueError(f"{key} must lie from 0 to 1, got {value}")
        if not 0 <= self.error_floor < math.inf:
            raise ValueError(f"error_floor must be zero or more, got {self.error_floor}")
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {self.loss!r}")
        if not 0 < self.level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {self.level}")
        if self.rotor is not None and not all(plane.radius_mm for plane in self.planes):
            raise ValueError("rotor needs a radius_mm in every [[plane]], to make unbalances of masses")
        if self.rotor is not None and self.mass_unit not in ("g", "kg"):
            raise ValueError(f"mass_unit must be 'g' or 'kg' for a grade, got {self.mass_unit!r}")

    @property
    def planes(self) -> tuple[Plane, ...]:
        """As given, or numbered."""
        count = len((self.influence or self.trial_runs)[0])
        return self.plane or tuple(Plane(f"plane {k + 1}") for k in range(count))

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        """As given, or numbered."""
        return self.sensor or tuple(Sensor(f"sensor {k + 1}") for k in range(len(self.vibration)))

    def _check_readings(self) -> None:
        if not self.vibration:
            raise ValueError("vibration must have one vector a sensor, got none")
        if bool(self.influence) == bool(self.trial_runs):
            found = "both" if self.influence else "none"
            raise ValueError(f"influence or trial_runs with trial_masses: exactly one is expected, got {found}")
        for key in ("vibration", "runout", "trial_masses", "published"):
            for vector in getattr(self, key):
                if vector[0] < 0:
                    raise ValueError(f"{key} must have amplitudes of zero or more, got {vector[0]:g}")
        for key in ("influence", "trial_runs", "repeats"):
            if any(vector[0] < 0 for row in getattr(self, key) for vector in row):
                raise ValueError(f"{key} must have amplitudes of zero or more, got a negative one")
        for run, (amplitude, _) in enumerate(self.trial_masses):
            if amplitude == 0:
                raise ValueError(f"trial_masses must be above zero, got a mass of 0 in run {run + 1}")
        if not any(amplitude > 0 for amplitude, _ in self.vibration):
            raise ValueError("vibration must be above zero at one sensor at least: there is nothing to balance")

    def _check_shapes(self) -> None:
        s, matrix = len(self.vibration), self.influence or self.trial_runs
        named = "influence" if self.influence else "trial_runs"
        p = len(matrix[0])
        if len(matrix) != s or p == 0 or any(len(row) != p for row in matrix):
            sizes = ", ".join(str(len(row)) for row in matrix)
            raise ValueError(f"{named} must have {s} rows, one a sensor, of one vector a plane, got rows of {sizes}")
        if p > s:
            raise ValueError(f"{named} must not have more planes ({p}) than sensors ({s}): nothing tells them apart")
        if self.trial_runs and len(self.trial_masses) != p:
            raise ValueError(f"trial_masses must have {p} vectors, one a plane, got {len(self.trial_masses)}")
        if self.influence and (self.trial_masses or self.trial_repeats or self.keep_trial):
            raise ValueError("influence needs no trial_masses, trial_repeats or keep_trial: they contradict it")
        wanted = {"runout": s, "sensor": s, "plane": p, "published": p}
        for key, count in wanted.items():
            if getattr(self, key) and len(getattr(self, key)) != count:
                raise ValueError(f"{key} must have {count} entries, got {len(getattr(self, key))}")
        if any(len(repeat) != s for repeat in self.repeats):
            raise ValueError(f"repeats must be lists of {s} vectors, one a sensor")
        for repeat in self.trial_repeats:
            if len(repeat) != s or any(len(row) != p for row in repeat):
                raise ValueError(f"trial_repeats must be sets of {s} rows of {p} vectors, as trial_runs")
        if self.rotor is not None and self.rotor.shares and len(self.rotor.shares) != p:
            raise ValueError(f"rotor.shares must have {p} entries, one a plane, got {len(self.rotor.shares)}")
        for key in ("sensor", "plane"):
            names = [each.name for each in getattr(self, key)]
            if len(set(names)) != len(names):
                raise ValueError(f"{key} names must differ, got {', '.join(names)}")

    def _check_trials(self) -> None:
        """A mass that changes nothing tells nothing."""
        for run in range(len(self.trial_masses)):
            before = [row[run - 1] for row in self.trial_runs] if self.keep_trial and run else self.vibration
            if all(
                math.isclose(row[run][0], a) and row[run][1] == deg
                for row, (a, deg) in zip(self.trial_runs, before, strict=True)
            ):
                named = "the run before it" if self.keep_trial and run else "the initial run"
                raise ValueError(f"trial_runs must differ from {named} at one sensor at least, run {run + 1} does not")
        for plane in range(len(self.influence[0]) if self.influence else 0):
            if not any(row[plane][0] > 0 for row in self.influence):
                raise ValueError(f"influence must move one sensor at least, that of plane {plane + 1} is zero")


def read_cases(path: Path) -> tuple[BalanceCase, ...]:
    """The job of a file, or its jobs where it has tables `[[case]]`. Raises ConfigurationError, a line a complaint."""
    document = read_document(path)
    tables = document.content.get("case")
    if tables is None:
        return (build(document, (), document.content, BalanceCase),)
    unknown = [document.unknown((name,), ("case",)) for name in document.content if name != "case"]
    if unknown:
        raise ConfigurationError("\n".join(map(str, unknown)))
    if not isinstance(tables, list):
        raise document.error(("case",), "must be tables [[case]], found one table or a value")
    return tuple(build(document, ("case", i), table, BalanceCase) for i, table in enumerate(tables))
