"""The simulated machine behind a simulated Modbus device: what a sensor on it would say, register by register.

Process values follow from the same physics as waveforms: a vibration sensor's scalars are those of a waveform of
half a second, taken anew every second; temperature follows the friction of the bearing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.app.simulate import BEARING, Simulation
from inversion.physics.bearing import ftf
from sensors.profile import Profile, Register
from sensors.units import to_si

#: Band of the velocity that machines are judged by, Hz. Source: ISO 20816-1.
_BAND_HZ = (10.0, 1000.0)
_RATE_HZ, _LENGTH_S, _EVERY_S = 25600.0, 0.5, 1.0
#: What an axis feels of the machine: x or 1, y or 2, z or 3.
_AXES = {"x": 1.0, "y": 0.7, "z": 0.4, "1": 1.0, "2": 0.7, "3": 0.4}
_AMBIENT_K, _WARM_S = 298.15, 600.0
#: Of the housing, W/K; kinematic viscosity of the warm grease, mm2/s, and the factor of a deep groove ball bearing.
_CONDUCTANCE, _VISCOSITY, _F0 = 0.1, 20.0, 1.75


@dataclass(frozen=True)
class Vibration:
    """What a vibration sensor makes of a waveform, SI.

    acceleration, velocity, displacement: RMS, the last two of the band of ISO 20816-1
    peak: of the acceleration; crest: peak over RMS; kurtosis: 3 for noise; strongest_hz: of the velocity's spectrum
    """

    acceleration: float
    velocity: float
    displacement: float
    peak: float
    crest: float
    kurtosis: float
    strongest_hz: float


def vibration(samples: NDArray[np.floating[Any]], sample_rate: float) -> Vibration:
    """Of (n,) m/s2 at a rate, Hz; at least a tenth of a second of what moves."""
    x = samples.astype(np.float64) - np.mean(samples)
    window = np.hanning(x.size)
    power = np.abs(np.fft.rfft(x * window)) ** 2 * 2 / (x.size * np.sum(window**2))
    hz = np.fft.rfftfreq(x.size, 1 / sample_rate)
    inside = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
    omega, power = 2 * np.pi * hz[inside], power[inside]
    rms, peak = float(np.sqrt(np.mean(x**2))), float(np.max(np.abs(x)))
    return Vibration(
        rms,
        float(np.sqrt(np.sum(power / omega**2))),
        float(np.sqrt(np.sum(power / omega**4))),
        peak,
        peak / rms if rms else 0.0,
        float(np.mean(x**4)) / rms**4 if rms else 0.0,
        float(hz[inside][np.argmax(power / omega**2)]),
    )


def warm_rise(shaft_hz: float) -> float:
    """Kelvin by which a housing that runs for long is warmer than the room: the heat of the load-free friction moment.

    Source: Harris, Rolling Bearing Analysis, 4th ed. (2001), chapter 14 (Palmgren's moment).
    """
    rpm = 60 * shaft_hz
    moment = 1e-10 * _F0 * max(_VISCOSITY * rpm, 2000.0) ** (2 / 3) * BEARING.pitch_diameter_mm**3  # N·m
    return float(2 * np.pi * shaft_hz * moment / _CONDUCTANCE)


class SimulatedMachine:
    """What the device is mounted on: each capture is a new waveform, and process values are those of the machine.

    clock: s, never back; unix_s: UTC, what the device's own clock is set by
    """

    def __init__(
        self, profile: Profile, simulation: Simulation, clock: Callable[[], float], unix_s: Callable[[], float]
    ) -> None:
        self._profile, self._simulation = profile, simulation
        self._clock, self._unix_s, self._step_s = clock, unix_s, 0.0
        self._started = clock()
        self._rng = np.random.default_rng(simulation.seed)
        self._chance = np.random.default_rng([simulation.seed, 1])  # of the scalars, whose times are not planned
        self._rates = {block.channel: block.sample_rate for block in profile.waveforms}
        self._seen: tuple[float, Vibration] | None = None
        self._lock = threading.Lock()  # captures run in threads, and units may share a machine

    def capture(self, wanted: Mapping[str, int]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Acceleration, m/s2, whatever the channel is called."""
        with self._lock:
            return {
                name: self._simulation.samples(self._rate(name), count, self._rng) for name, count in wanted.items()
            }

    def measure(self, name: str) -> float:
        """A register's value, SI."""
        if name in self._rates.values():
            return self._simulation.sample_rate
        register = self._profile.register(name)
        value = self._followed(register)
        return to_si(_ordinary(register), register.unit) if value is None else value

    def step_clock(self, seconds: float) -> None:
        """The device's own clock, which registers in seconds show, steps."""
        self._step_s += seconds

    def _rate(self, channel: str) -> float:
        rate = self._rates[channel]
        return self.measure(rate) if isinstance(rate, str) else float(rate)

    def _followed(self, register: Register) -> float | None:
        """What follows from physics, by unit and name; None where nothing does."""
        words = re.findall(r"[a-z]+|\d+", register.name.lower())
        unit = register.encoding.si_unit
        if register.values or register.bits:
            return None
        if unit == "K":
            return self._temperature()
        if unit == "s":
            return self._unix_s() + self._step_s
        if unit == "Hz" and not {"frequency", "peak"} & set(words):
            return self._simulation.shaft_hz * (ftf(BEARING) if "cage" in words else 1.0)
        return self._felt(unit, words)

    def _felt(self, unit: str, words: list[str]) -> float | None:
        axis = next((_AXES[word] for word in words if word in _AXES), 1.0)
        felt = self._vibration()
        if "crest" in words or "kurtosis" in words:
            return felt.crest if "crest" in words else felt.kurtosis
        if unit == "m/s2":
            return axis * (felt.peak if {"peak", "pk", "max"} & set(words) else felt.acceleration)
        return {"m/s": axis * felt.velocity, "m": axis * felt.displacement, "Hz": felt.strongest_hz}.get(unit)

    def _vibration(self) -> Vibration:
        now = self._clock()
        if self._seen is None or now - self._seen[0] >= _EVERY_S:
            samples = self._simulation.samples(_RATE_HZ, round(_LENGTH_S * _RATE_HZ), self._chance)
            self._seen = now, vibration(samples, _RATE_HZ)
        return self._seen[1]

    def _temperature(self) -> float:
        warm = 1 - np.exp((self._started - self._clock()) / _WARM_S)
        return float(_AMBIENT_K + warm_rise(self._simulation.shaft_hz) * warm)


def _ordinary(register: Register) -> float:
    """A value of the register that raises no doubt, in its unit; the first of an enumeration."""
    if register.values:
        return float(next(iter(register.values)))
    low, high = register.plausible or (-np.inf, np.inf)
    return 1.0 if low <= 1.0 <= high else (low + high) / 2
