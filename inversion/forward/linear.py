"""Anything linear: parameters seen through a sensitivity matrix.

y = M x + offset + noise, with y the readings and x the parameters, both in the units that the matrix is written in.
Heat fluxes from temperatures, flows from pressures, spectra from what a detector of known response counts.

Correlated noise is whitened here, so that every engine sees readings of unit deviation: with the covariance C = L L'
the observables are L^-1 y (Hansen, Rank-Deficient and Discrete Ill-Posed Problems, SIAM 1998, section 1.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inversion.core import ConfigurationError, Features, Parameter, ParameterSpace
from inversion.core.drawing import Sensing
from inversion.core.identity import identity
from inversion.forward.linear_readings import judge
from inversion.store.matrix import NamedMatrix, read_matrix
from sensors import Frame, Quality
from sensors.units import from_si, si_unit, to_si

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Unknown:
    """Columns of the matrix whose names match the glob `match`.

    unit: of the column's parameter, as the matrix is written and as people see it; low, high: its range, in that unit
    """

    low: float
    high: float
    match: str = "*"
    unit: str = "1"
    meaning: str = ""
    nuisance: bool = False


@dataclass(frozen=True)
class Reading:
    """Rows of the matrix whose names match the glob `match`.

    noise: standard deviation of one row's reading, in `unit`; must be given unless a covariance is
    channel: where the readings are: several matching rows are its samples, in the order of the matrix, one row is its
        mean over the window. Empty: every row is the mean of a channel of its own name
    offset: what is read where all parameters are zero, in `unit`
    """

    match: str = "*"
    unit: str = "1"
    noise: float = 0.0
    channel: str = ""
    offset: float = 0.0


@dataclass(frozen=True)
class Linear:
    """Parameters from readings by a sensitivity matrix.

    matrix: CSV or NPZ, rows readings, columns parameters, see `inversion.store.matrix`
    parameter, reading: what its columns and rows are; the first one that matches a name says
    covariance: CSV or NPZ with the covariance of the noise of all readings, rows and columns named as the rows of the
        matrix, in the product of their units; then `noise` is not given
    Raises ConfigurationError for a file that is wrong, ValueError for options that do not fit it.
    """

    matrix: Path
    parameter: tuple[Unknown, ...]
    reading: tuple[Reading, ...]
    covariance: Path | None = None

    def __post_init__(self) -> None:
        seen = np.atleast_1d(self._named.values.any(axis=0))
        if not seen.any():
            raise ValueError(f"matrix must not be zero throughout, found only zeros in {self.matrix}")
        if not seen.all():
            name = self._named.columns[int(np.argmin(seen))]
            raise ValueError(f"matrix must show every parameter in some reading, found only zeros for {name!r}")
        _ = self.space, self._affine, self._whitening

    @cached_property
    def _named(self) -> NamedMatrix:
        return read_matrix(Path(self.matrix))

    @cached_property
    def _rows(self) -> tuple[Reading, ...]:
        return tuple(_matching("reading", name, self.reading) for name in self._named.rows)

    @cached_property
    def space(self) -> ParameterSpace:
        """One parameter a column."""
        return ParameterSpace(
            tuple(_parameter(name, _matching("parameter", name, self.parameter)) for name in self._named.columns)
        )

    @cached_property
    def observables(self) -> tuple[str, ...]:
        """Names of the rows; of their whitened combinations where a covariance is given."""
        if self.covariance is None:
            return self._named.rows
        return tuple(f"whitened {name}" for name in self._named.rows)

    @property
    def readings(self) -> tuple[str, ...]:
        """Names of the rows."""
        return self._named.rows

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Channels that a frame must hold."""
        return tuple(dict.fromkeys(self._sources))

    @cached_property
    def _sources(self) -> tuple[str, ...]:
        """(d,) the channel of every row."""
        return tuple(row.channel or name for row, name in zip(self._rows, self._named.rows, strict=True))

    @cached_property
    def _affine(self) -> tuple[Array, Array]:
        """(d, p) and (d,): readings in SI from parameters in SI."""
        zero = np.array([float(from_si(0.0, each.shown)) for each in self.space])
        one = np.array([float(from_si(1.0, each.shown)) for each in self.space])
        offset = self._named.values @ zero + np.array([row.offset for row in self._rows])
        scale, base = self._units
        return scale[:, None] * self._named.values * (one - zero), scale * offset + base

    @cached_property
    def _units(self) -> tuple[Array, Array]:
        """(d,) and (d,): SI = scale * reading + base."""
        base = np.array([float(to_si(0.0, row.unit)) for row in self._rows])
        return np.array([float(to_si(1.0, row.unit)) for row in self._rows]) - base, base

    @cached_property
    def _std(self) -> Array:
        """(d,) SI, of the readings, where no covariance is given."""
        for name, row in zip(self._named.rows, self._rows, strict=True):
            if not 0 < row.noise < np.inf:
                raise ValueError(f"reading must state a positive noise for {name!r}, found {row.noise:g} {row.unit}")
        return np.array([row.noise for row in self._rows]) * self._units[0]

    @cached_property
    def _whitening(self) -> Array | None:
        """(d, d) lower triangle that makes readings in SI of unit deviation; None where their noise is independent."""
        if self.covariance is None:
            _ = self._std
            return None
        noisy = [name for name, row in zip(self._named.rows, self._rows, strict=True) if row.noise]
        if noisy:
            raise ValueError(f"reading must not state a noise for {noisy[0]!r} beside the covariance")
        scale, _ = self._units
        covariance = scale[:, None] * self._covariance * scale
        if not np.allclose(covariance, covariance.T) or np.linalg.eigvalsh(covariance)[0] <= 0:
            raise ConfigurationError(
                f"{self.covariance}: expected a symmetric, positive definite covariance, found none"
            )
        inverse: Array = np.linalg.inv(np.linalg.cholesky(covariance))
        return inverse

    @cached_property
    def _covariance(self) -> Array:
        """(d, d) in the products of the rows' units, as the file has it."""
        found = read_matrix(Path(str(self.covariance)))
        if found.rows != self._named.rows or found.columns != self._named.rows:
            raise ConfigurationError(f"{self.covariance}: expected rows and columns named as the rows of {self.matrix}")
        return found.values

    def affine(self, conditions: Array) -> tuple[Array, Array]:
        """(d, p) and (d,): simulate(theta) = matrix @ theta + offset, whatever the conditions."""
        matrix, base = self._affine
        return (matrix, base) if self._whitening is None else (self._whitening @ matrix, self._whitening @ base)

    def simulate(self, theta: Array, conditions: Array) -> Array:
        """(..., p) SI to (..., d), without noise."""
        matrix, base = self.affine(conditions)
        predicted: Array = np.asarray(theta) @ matrix.T + base
        return predicted

    def observe(self, frames: Sequence[Frame]) -> Features:
        """Readings of every frame; without a covariance a lost one is left out, with one the frame is BAD."""
        taken = [self._readings(frame) for frame in frames]
        values = np.array([values for values, _, _ in taken]).reshape(len(taken), len(self.observables))
        return self._features(values, [grade for _, grade, _ in taken], [reason for _, _, reason in taken])

    def features_of(self, readings: Array) -> Features:
        """(n, d) readings in the units of the matrix, NaN where not taken, as features."""
        scale, base = self._units
        return self._features(
            readings * scale + base,
            [Quality.GOOD] * len(readings),
            ["" if np.isfinite(row).any() else "nothing was read" for row in readings],
        )

    def _features(self, values: Array, quality: Sequence[Quality], reasons: Sequence[str]) -> Features:
        """values: (n, d) SI, not finite where lost."""
        known = np.atleast_2d(np.isfinite(values))
        std = np.ones(values.shape[1]) if self._whitening is not None else self._std
        if self._whitening is not None:
            known = np.repeat(np.atleast_1d(known.all(axis=1))[:, None], values.shape[1], axis=1)
            values = np.array([self._whitening @ row for row in np.where(known, values, 0.0)]).reshape(values.shape)
        grades = tuple(grade if row.any() else Quality.BAD for row, grade in zip(known, quality, strict=True))
        return Features(
            np.where(known, values, 0.0),
            np.where(known, std, np.inf),
            np.full(values.shape, -np.inf),
            np.zeros((len(values), 0)),
            grades,
            tuple(reasons),
        )

    @property
    def identity(self) -> str:
        """Changes with any number of matrix, offsets and noise, units included: networks are trained for these."""
        noise = [row.noise for row in self._rows] if self.covariance is None else self._covariance.tolist()
        zero = [float(from_si(value, each.shown)) for each in self.space for value in (0.0, 1.0)]
        scale, base = (part.tolist() for part in self._units)
        told = [self._named.values.tolist(), zero, scale, base, [row.offset for row in self._rows], noise]
        return identity(told)

    @property
    def parts(self) -> int:
        """The channels."""
        return len(self.channels)

    @property
    def varied(self) -> Array:
        """(0, 2): windows differ in their parameters and noise only."""
        return np.zeros((0, 2))

    @property
    def in_time(self) -> bool:
        """No: a window is a reading of each row."""
        return False

    def draw(self, theta: Array, varied: Array, sensing: Sensing, rng: np.random.Generator) -> Features:
        """Readings with their noise. With a covariance none is lost: a frame that lacks one tells nothing."""
        matrix, base = self._affine
        part = [self.channels.index(source) for source in self._sources]
        readings = np.where(sensing.stray[:, part], sensing.other @ matrix.T, theta @ matrix.T) + base
        noise = sensing.deviates(rng, len(part)) * sensing.noise[:, None]
        if self._whitening is None:
            readings = np.where(sensing.lost[:, part], np.nan, readings + noise * self._std)
        else:
            readings += noise @ np.linalg.inv(self._whitening).T
        return self._features(readings, [Quality.GOOD] * len(theta), [""] * len(theta))

    def floor(self, conditions: Array) -> Array:
        """(p,) zeros: what is resolved follows from matrix and noise alone."""
        return np.zeros(len(self.space))

    def _readings(self, frame: Frame) -> tuple[Array, Quality, str]:
        """(d,) SI, NaN where lost; the worst quality but BAD, and why."""
        values = np.full(len(self._sources), np.nan)
        problems: dict[str, str] = {}
        for channel in self.channels:
            rows = [i for i, source in enumerate(self._sources) if source == channel]
            waveform = frame.channels.get(channel)
            problem, lost = judge(channel, waveform, rows, si_unit(self._rows[rows[0]].unit))
            if waveform is not None and not lost:
                samples = waveform.samples.astype(np.float64)
                values[rows] = samples if len(rows) > 1 else samples.mean()
            if problem:
                problems[channel] = problem
        return values, Quality.UNCERTAIN if problems else Quality.GOOD, "; ".join(problems.values())


_Entry = TypeVar("_Entry", Unknown, Reading)


def _matching(key: str, name: str, entries: Sequence[_Entry]) -> _Entry:
    for entry in entries:
        if fnmatchcase(name, entry.match):
            return entry
    raise ValueError(f"{key} must say what {name!r} of the matrix is, found no entry whose match fits")


def _parameter(name: str, unknown: Unknown) -> Parameter:
    low, high = (float(to_si(value, unknown.unit)) for value in (unknown.low, unknown.high))
    meaning = unknown.meaning or name.replace("_", " ")
    return Parameter(name, si_unit(unknown.unit), low, high, meaning, unknown.unit, unknown.nuisance)
