"""An unbalanced rotor: how much unbalance at which angle in each plane, from 1x vibration against a phase mark.

In a linear rotor at one speed the 1x vectors of the sensors are `influence @ unbalance` (Goodman, J. Eng. Ind. 86
(1964) 273-279; `inversion.physics.rotor`). The influence coefficients come from a balancing job: `inversion balance`
prints them. What trial runs leave uncertain of them is marginalized in closed form: independent circular errors of the
coefficients add to the variance of a vector in proportion to the unbalance that they multiply.

Angles: a vector's angle leads, x(t) = Re(V exp(i theta)), theta counted from the phase mark with the rotation; masses
are counted from the mark with the rotation too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inversion.core import Estimate, Features, Parameter, ParameterSpace
from inversion.core.drawing import Sensing
from inversion.core.identity import identity
from inversion.core.tangent import Tangent
from inversion.forward.rotor_frames import Mounted, measured_frame, waveform_frame
from inversion.forward.rotor_observation import Vectors, measured_vectors, waveform_vectors
from inversion.forward.rotor_polar import Polar, polar
from sensors import Frame, Quality
from sensors.units import si_unit, to_si

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Complex = NDArray[np.complex128]
Row = tuple[Array, Array, Array, Quality, str]

_GRAM_MM = 1e-6  # kg·m


@dataclass(frozen=True)
class UnbalancedRotor:
    """Unbalance of one rotor near one speed.

    sensors: channels of vibration; planes: names of the planes
    influence: (S, P) vectors [amplitude, degrees], `unit` per g·mm; influence_error: relative, one standard deviation
    runout: (S) slow-roll vectors [amplitude, degrees] in `unit`; unit: of the vibration, such as "mm/s" or "um"
    shaft_hz: where the influence holds; speed_tolerance: relative, beyond it nothing is said
    heaviest_g_mm: upper end of the prior in each plane
    phase_channel: a pulse a revolution, sampled beside the vibration; where empty, the frame holds for each sensor
        the process values `<sensor>_amplitude` and `<sensor>_phase` (rad) that an instrument measured
    speed_channel: shaft speed, Hz; needed without a phase channel, compared with the marks where both are there
    noise: in `unit`, standard deviation of each component of a vector, beside what the record itself shows
    told: "components", x and y of each plane, so that nothing is singular where it is balanced; "amplitude", so that an
        alarm can watch it: the angle is then a nuisance, counted from where the vectors show it
    """

    sensors: tuple[str, ...]
    planes: tuple[str, ...]
    influence: tuple[tuple[tuple[float, float], ...], ...]
    shaft_hz: float
    heaviest_g_mm: float
    unit: str = "mm/s"
    influence_error: float = 0.03
    runout: tuple[tuple[float, float], ...] = ()
    speed_tolerance: float = 0.02
    phase_channel: str = ""
    speed_channel: str = ""
    noise: float = 0.0
    told: str = "components"

    def __post_init__(self) -> None:
        s, p = len(self.sensors), len(self.planes)
        si_unit(self.unit)
        if not s or not p or len(set(self.sensors)) != s or len(set(self.planes)) != p:
            raise ValueError(f"sensors and planes must be named, each once, got {self.sensors} and {self.planes}")
        if len(self.influence) != s or any(len(row) != p for row in self.influence):
            raise ValueError(f"influence must have {s} rows, one a sensor, of {p} vectors, one a plane")
        if self.runout and len(self.runout) != s:
            raise ValueError(f"runout must have {s} vectors, one a sensor, got {len(self.runout)}")
        for name in ("shaft_hz", "heaviest_g_mm", "speed_tolerance"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not (0 <= self.influence_error < 0.5 and 0 <= self.noise < np.inf):
            raise ValueError(f"influence_error must lie from 0 to 0.5, noise be zero or more, got {self}")
        if self.told not in ("components", "amplitude"):
            raise ValueError(f"told must be 'components' or 'amplitude', got {self.told!r}")
        if not self.phase_channel and not (self.speed_channel and self.noise > 0):
            raise ValueError(
                "phase_channel is required, or speed_channel and noise where vectors are measured elsewhere"
            )
        if np.linalg.matrix_rank(self.coefficients) < p:
            raise ValueError("influence does not tell the planes apart: take planes or sensors that differ more")

    @cached_property
    def coefficients(self) -> Complex:
        """(S, P) influence coefficients, SI of the vibration per kg·m."""
        vectors = np.array(self.influence, dtype=np.float64)
        size = np.vectorize(lambda v: to_si(float(v), self.unit))(vectors[..., 0]) / _GRAM_MM
        coefficients: Complex = size * np.exp(1j * np.radians(vectors[..., 1]))
        return coefficients

    @cached_property
    def _slow_roll(self) -> Complex:
        """(S,) or (1,) SI."""
        vectors = [to_si(size, self.unit) * np.exp(1j * np.radians(degrees)) for size, degrees in self.runout]
        return np.array(vectors or [0.0], dtype=np.complex128)

    @cached_property
    def space(self) -> ParameterSpace:
        """Two parameters a plane: x and y, or amplitude and a nuisance."""
        most, both = self.heaviest_g_mm * _GRAM_MM, []
        for plane in self.planes:
            if self.told == "amplitude":
                both.append(Parameter(f"{plane}_unbalance", "kg·m", 0.0, most, f"unbalance, {plane}", "g·mm"))
                both.append(Parameter(f"{plane}_turn", "rad", -np.pi, np.pi, "angle, from where seen", nuisance=True))
            else:
                where = f"unbalance towards the phase mark, {plane}"
                both.append(Parameter(f"{plane}_x", "kg·m", -most, most, where, "g·mm"))
                where = f"unbalance a quarter turn ahead of the mark, {plane}"
                both.append(Parameter(f"{plane}_y", "kg·m", -most, most, where, "g·mm"))
        return ParameterSpace(tuple(both))

    @cached_property
    def observables(self) -> tuple[str, ...]:
        """Real and imaginary part of each sensor's 1x vector, SI."""
        return tuple(f"{sensor}_{part}" for sensor in self.sensors for part in ("re", "im"))

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """The sensors, or what an instrument measured of them; the phase mark; the speed."""
        if self.phase_channel:
            named = (*self.sensors, self.phase_channel)
        else:
            named = tuple(f"{sensor}_{what}" for sensor in self.sensors for what in ("amplitude", "phase"))
        return (*named, self.speed_channel) if self.speed_channel else named

    def floor(self, conditions: Array) -> Array:
        """Zero: what can be resolved depends on the noise, which each frame tells itself."""
        return np.zeros(len(self.space))

    def simulate(self, theta: Array, conditions: Array) -> Array:
        """1x vectors, slow roll subtracted: (..., 2 P) and (..., c) to (..., 2 S).

        conditions: shaft speed, Hz; where amplitudes are told, then the angle at which each plane's unbalance is seen
        """
        theta, conditions = np.asarray(theta, dtype=np.float64), np.asarray(conditions)
        shape = np.broadcast_shapes(theta.shape[:-1], conditions.shape[:-1])
        vectors = np.sum(self.coefficients * self._unbalance(theta, conditions)[..., None, :], axis=-1)
        return np.array(np.broadcast_to(_parts(vectors), (*shape, len(self.observables))))

    def _unbalance(self, theta: Array, conditions: Array) -> Complex:
        """(..., P) kg·m."""
        unbalance: Complex = theta[..., 0::2] + 1j * theta[..., 1::2]
        if self.told == "amplitude":
            unbalance = theta[..., 0::2] * np.exp(1j * (theta[..., 1::2] + conditions[..., 1:]))
        return unbalance

    def links(self) -> NDArray[np.bool_]:
        """(2 P, 2 S): every plane moves every sensor, if ever so little."""
        return np.ones((len(self.space), len(self.observables)), dtype=np.bool_)

    def tangent(self, theta: Array, conditions: Array, parameters: Index, observables: Index) -> Tangent:
        """Of `simulate`, in closed form."""
        turned = np.ones(theta[..., 1::2].shape, dtype=np.complex128)
        along = np.stack([turned, 1j * turned], axis=-1)  # of each plane, by its first and its second parameter
        if self.told == "amplitude":
            turned = np.exp(1j * (theta[..., 1::2] + conditions[..., 1:]))
            along = np.stack([turned, 1j * turned * theta[..., 0::2]], axis=-1)
        along = along.reshape(*theta.shape[:-1], theta.shape[-1])[..., parameters]
        slope = _parts(along[..., None] * self.coefficients.T[parameters // 2])
        return Tangent(self.simulate(theta, conditions)[..., observables], slope[..., observables])

    def observe(self, frames: Sequence[Frame]) -> Features:
        """The vectors of each frame; what cannot be used is BAD, with its reason."""
        return self._features(frames)

    def _features(self, frames: Iterable[Frame]) -> Features:
        rows = [self._row(frame) for frame in frames]
        shape = (len(rows), len(self.observables))
        return Features(
            values=np.array([row[0] for row in rows]).reshape(shape),
            std=np.array([row[1] for row in rows]).reshape(shape),
            limit=np.full(shape, -np.inf),
            conditions=np.array([row[2] for row in rows]).reshape(len(rows), self._conditions),
            quality=tuple(row[3] for row in rows),
            reasons=tuple(row[4] for row in rows),
        )

    @property
    def identity(self) -> str:
        """Changes with every number that the model is made of: networks are trained for these."""
        speeds = self.shaft_hz, self.speed_tolerance
        noise = self.influence_error, self.noise, bool(self.phase_channel)
        told = [self.unit, self.influence, self.runout, speeds, noise, self.told]
        return identity(told)

    @property
    def parts(self) -> int:
        """The sensors. One that strays shows another unbalance; without one nothing is told, so none is lost."""
        return len(self.sensors)

    @property
    def varied(self) -> Array:
        """(1, 2) the shaft's speed, Hz, where the influence coefficients hold."""
        return self.shaft_hz * (1 + self.speed_tolerance * np.array([[-1.0, 1.0]]))

    @property
    def in_time(self) -> bool:
        """Where vectors are taken from waveforms."""
        return bool(self.phase_channel)

    def draw(self, theta: Array, varied: Array, sensing: Sensing, rng: np.random.Generator) -> Features:
        """Frames of rotors whose influence coefficients err as stated, observed."""
        error = rng.standard_normal((2, len(theta), *self.coefficients.shape))
        coefficients = self.coefficients * (1 + self.influence_error * (error[0] + 1j * error[1]))
        conditions = np.zeros((1, self._conditions))
        own, other = (
            np.einsum("nsp,np->ns", coefficients, self._unbalance(x, conditions)) for x in (theta, sensing.other)
        )
        vectors = np.where(sensing.stray, other, own) + self._slow_roll
        return self._features(self._frames(vectors, varied[:, 0], sensing, rng))

    def _frames(self, vectors: Complex, speeds: Array, sensing: Sensing, rng: np.random.Generator) -> Iterator[Frame]:
        """vectors: (n, S) as they are, SI; the stated noise is added, in the normal terms of the solver."""
        at = Mounted(self.sensors, si_unit(self.unit), self.phase_channel, self.speed_channel)
        noise = sensing.deviates(rng, 2 * vectors.shape[1]) * (to_si(self.noise, self.unit) * sensing.noise[:, None])
        noisy = vectors + noise[:, 0::2] + 1j * noise[:, 1::2]
        heaviest = self.heaviest_g_mm * _GRAM_MM * float(np.abs(self.coefficients).sum(axis=1).max()) / np.sqrt(2)
        for each, hz, louder in zip(noisy, speeds, sensing.noise, strict=True):
            if self.phase_channel:
                yield waveform_frame(at, each, hz, heaviest, louder, sensing.records, rng)
            else:
                yield measured_frame(at, each, hz)

    def polar(self, estimate: Estimate, level: float = 0.9) -> tuple[Polar, ...]:
        """Amplitude and angle of each plane with intervals, propagated from the components x and y.

        Raises ValueError for a model that tells amplitudes.
        """
        if self.told != "components":
            raise ValueError("amplitudes are told already, without an angle: read them from the estimate")
        heaviest = self.heaviest_g_mm * _GRAM_MM
        return tuple(polar(estimate, plane, heaviest, level) for plane in self.planes)

    @property
    def _conditions(self) -> int:
        return 1 + len(self.planes) if self.told == "amplitude" else 1

    def _nothing(self, reason: str, shaft_hz: float = float("nan")) -> Row:
        d = len(self.observables)
        return np.zeros(d), np.full(d, np.inf), np.full(self._conditions, shaft_hz), Quality.BAD, reason

    def _row(self, frame: Frame) -> Row:
        missing = [name for name in self.channels if name not in frame.channels]
        if missing:
            return self._nothing(f"channel {missing[0]!r} is missing, there are: {', '.join(frame.channels)}")
        seen = self._vectors(frame)
        if isinstance(seen, str):
            return self._nothing(seen)
        off = seen.shaft_hz / self.shaft_hz - 1
        if not abs(off) <= self.speed_tolerance:
            reason = (
                f"the shaft turns at {seen.shaft_hz:.4g} Hz, the influence coefficients hold at {self.shaft_hz:.4g} Hz"
            )
            return self._nothing(reason, seen.shaft_hz)
        vectors = seen.values - self._slow_roll
        unbalance: Complex = np.linalg.lstsq(self.coefficients, vectors, rcond=None)[0].astype(np.complex128)
        values, std = _parts(vectors), np.repeat(self._deviation(unbalance, seen.std), 2)
        if not (np.all(np.isfinite(values)) and np.all(std > 0)):
            return self._nothing(f"{self.sensors[0]}: no usable 1x vibration")
        conditions = np.array([seen.shaft_hz, *np.angle(unbalance)])[: self._conditions]
        return values, std, conditions, seen.quality, seen.reason

    def _deviation(self, unbalance: Complex, std: Array) -> Array:
        """(S,) of a component: what the record shows, the stated noise, and the coefficients' errors."""
        spread = self.influence_error * np.sqrt(np.sum(np.abs(self.coefficients * unbalance) ** 2, axis=1))
        deviation: Array = np.sqrt(std**2 + to_si(self.noise, self.unit) ** 2 + spread**2)
        return deviation

    def _vectors(self, frame: Frame) -> Vectors | str:
        unit = si_unit(self.unit)
        if self.phase_channel:
            return waveform_vectors(frame, self.sensors, unit, self.phase_channel, self.speed_channel)
        return measured_vectors(frame, self.sensors, unit, self.speed_channel)


def _parts(vectors: Complex) -> Array:
    """(..., S) vectors to (..., 2 S): real and imaginary part of each in turn."""
    return np.stack([vectors.real, vectors.imag], axis=-1).reshape(*vectors.shape[:-1], 2 * vectors.shape[-1])
