"""A machine with a damaged rolling bearing, simulated in the time domain.

Each passage of an element over the spall excites the structure twice: softly when the element enters (it is relieved
of its load: a slow, low-frequency event) and hard when it strikes the far edge. Source of the two events and of
their different spectra: Sawalhi & Randall, Mech. Syst. Signal Process. 25 (2011) 846-870. Source of the random slip
of the cage (a random walk of the passage times): Antoni & Randall, J. Vib. Acoust. 125 (2003) 282-289. Source of
the load zone: Harris, Rolling Bearing Analysis, 4th ed. (2001), chapter 7 (Stribeck distribution, exponent 3/2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.physics.bearing import (
    BearingGeometry,
    contact_speed,
    entry_to_exit_time,
    fault_orders,
    ftf,
)

Array = NDArray[np.float64]

_TAPS = 32  # of the windowed sinc that places an event between samples
SETTLE_S = 0.02  # simulated before the window, so that it starts in the steady state


@dataclass(frozen=True)
class Mode:
    """One structural resonance between the bearing and the sensor; damping is a ratio of critical."""

    hz: float
    damping: float
    gain: float = 1.0


@dataclass(frozen=True)
class Spall:
    """One damaged place.

    race: "outer", "inner" or "ball"; width: m
    impact: m/s2, RMS over the record of the acceleration that the fault causes at the sensor
    entry: amplitude of the entry event relative to the exit; entry_hz: its low-pass corner
    relief: m beyond the edge at which an entry is felt, see `entry_to_exit_time`
    """

    race: str
    width: float
    impact: float
    entry: float = 0.4
    entry_hz: float = 6000.0
    relief: float = 0.0


@dataclass(frozen=True)
class Machine:
    """A bearing on a shaft, in a structure, with its other vibrations and its sensor.

    slip: relative deviation of the fault order from its kinematic value; jitter: standard deviation of a passage
    time, relative to the mean passage time (accumulates); load_zone: half its angle, rad, for rotating faults
    noise: m/s2 RMS of the broadband background, filtered by the structure as far as `noise_color` (0 white, 1 fully)
    shaft: m/s2 amplitudes of the shaft harmonics 1, 2, ...; tones: (Hz, m/s2) of whatever else hums (mains, gears)
    breathing: how far the shaft modulates the noise, 0 to 1; shocks: m/s2, peaks of single strikes at random times
    full_scale: m/s2 of the sensor; bits of the ADC
    """

    geometry: BearingGeometry
    shaft_hz: float
    modes: tuple[Mode, ...] = (Mode(2900.0, 0.04), Mode(7400.0, 0.03, 0.8), Mode(13100.0, 0.03, 0.6))
    slip: float = 0.003
    jitter: float = 0.005
    load_zone: float = 1.4
    noise: float = 1.0
    noise_color: float = 0.5
    shaft: tuple[float, ...] = (0.5, 0.2, 0.1)
    tones: tuple[tuple[float, float], ...] = ()
    breathing: float = 0.0
    shocks: tuple[float, ...] = ()
    full_scale: float = 50 * 9.80665
    bits: int = 16


def simulate_waveform(
    machine: Machine, spalls: tuple[Spall, ...], sample_rate: float, samples: int, rng: np.random.Generator
) -> Array:
    """Acceleration at the sensor, (samples,) m/s2."""
    lead = int(SETTLE_S * sample_rate)
    n = samples + lead
    times = np.arange(n) / sample_rate
    signal = _hum(machine, times, rng) + _noise(machine, sample_rate, n, rng)
    for spall in spalls:
        signal += _fault(machine, spall, sample_rate, n, lead, rng)
    return digitize(machine, signal[lead:])


def digitize(machine: Machine, acceleration: Array) -> Array:
    """What the ADC makes of it: clipped at full scale, rounded to its steps, m/s2."""
    step = 2 * machine.full_scale / 2**machine.bits
    clipped = np.clip(acceleration, -machine.full_scale, machine.full_scale - step)
    rounded: Array = np.round(clipped / step) * step
    return rounded


def passages(machine: Machine, race: str, duration: float, rng: np.random.Generator) -> Array:
    """Times at which an element strikes, s, from a random phase on; intervals drawn around the mean."""
    rate = fault_orders(machine.geometry)[race] * (1 + machine.slip) * machine.shaft_hz
    count = int(duration * rate * 1.2) + 3
    intervals = rng.normal(1.0, machine.jitter, count).clip(0.5, 1.5) / rate
    times: Array = rng.uniform(0, 1 / rate) + np.cumsum(intervals) - intervals[0]
    return times[times < duration]


def load(machine: Machine, race: str, times: Array, rng: np.random.Generator) -> Array:
    """Relative strength of each strike: constant on the outer race, through the load zone on what rotates."""
    if race == "outer":
        return np.ones_like(times)
    rate = machine.shaft_hz * (1.0 if race == "inner" else ftf(machine.geometry))
    angle = 2 * np.pi * rate * times + rng.uniform(0, 2 * np.pi)
    share = 1 - (1 - np.cos(angle)) / (1 - np.cos(machine.load_zone))
    floor = 0.0 if race == "inner" else 0.2  # a ball also strikes the inner race outside the load zone
    strength: Array = np.maximum(share, 0.0) ** 1.5 + floor
    return strength


def structure(modes: tuple[Mode, ...], frequencies: Array) -> NDArray[np.complex128]:
    """Acceleration response to a force, (f,), scaled to one at the strongest resonance."""
    response = np.zeros(frequencies.size, dtype=np.complex128)
    for mode in modes:
        r = frequencies / mode.hz
        response += mode.gain * 2 * mode.damping * r**2 / (1 - r**2 + 2j * mode.damping * r)
    response /= np.abs(response).max()
    return response


def _fault(machine: Machine, spall: Spall, sample_rate: float, n: int, lead: int, rng: np.random.Generator) -> Array:
    if spall.width <= 0 or spall.impact <= 0:
        return np.zeros(n)
    exits = passages(machine, spall.race, n / sample_rate, rng)
    strength = load(machine, spall.race, exits, rng) * rng.lognormal(0.0, 0.15, exits.size)
    gap = entry_to_exit_time(spall.width, contact_speed(machine.geometry, machine.shaft_hz), spall.relief)
    gaps = gap * rng.normal(1.0, 0.02, exits.size)  # the edges are not straight
    hits = _place(exits * sample_rate, strength, n)
    enters = _place((exits - gaps) * sample_rate, strength * rng.lognormal(0.0, 0.15, exits.size), n)
    frequencies = _frequencies(n, sample_rate)
    soft = 1 / (1 + 1j * frequencies / spall.entry_hz) ** 2
    spectrum = np.fft.rfft(hits) - spall.entry * soft * np.fft.rfft(enters)
    signal = np.fft.irfft(spectrum * structure(machine.modes, frequencies) * _sensor(frequencies, sample_rate), n)
    rms = float(np.sqrt(np.mean(signal[lead:] ** 2)))
    return signal * (spall.impact / rms) if rms > 0 else signal


def _place(positions: Array, amplitudes: Array, n: int) -> Array:
    """Band-limited impulses between the samples: a Hann-windowed sinc each."""
    train = np.zeros(n + 2 * _TAPS)
    whole = np.floor(positions).astype(int)
    offsets = np.arange(-_TAPS // 2, _TAPS // 2)
    lags = offsets - (positions - whole)[:, None]
    kernel = np.sinc(lags) * np.cos(np.pi * lags / (_TAPS + 2)) ** 2
    index = whole[:, None] + offsets + _TAPS
    inside = (index >= 0) & (index < train.size)
    np.add.at(train, index[inside], (kernel * amplitudes[:, None])[inside])
    return train[_TAPS : _TAPS + n]


def _noise(machine: Machine, sample_rate: float, n: int, rng: np.random.Generator) -> Array:
    frequencies = _frequencies(n, sample_rate)
    response = structure(machine.modes, frequencies)
    shape = (1 - machine.noise_color) + machine.noise_color * np.abs(response)
    white = rng.standard_normal(n)
    turn = 2 * np.pi * machine.shaft_hz * np.arange(n) / sample_rate
    breath = 1 + machine.breathing * np.cos(turn + rng.uniform(0, 2 * np.pi))
    colored = np.fft.irfft(np.fft.rfft(white * breath) * shape * _sensor(frequencies, sample_rate), n)
    noise: Array = colored * (machine.noise / float(colored.std()))
    if machine.shocks:
        hits = _place(rng.uniform(0, n, len(machine.shocks)), np.array(machine.shocks), n)
        ringing = np.fft.irfft(np.fft.rfft(hits) * response * _sensor(frequencies, sample_rate), n)
        noise += ringing * (max(machine.shocks) / float(np.abs(ringing).max()))
    return noise


def _hum(machine: Machine, times: Array, rng: np.random.Generator) -> Array:
    lines = [(k * machine.shaft_hz, amplitude) for k, amplitude in enumerate(machine.shaft, start=1)]
    total = np.zeros_like(times)
    for hz, amplitude in (*lines, *machine.tones):
        total += amplitude * np.cos(2 * np.pi * hz * times + rng.uniform(0, 2 * np.pi))
    return total


def _frequencies(n: int, sample_rate: float) -> Array:
    return np.arange(n // 2 + 1, dtype=np.float64) * (sample_rate / n)


def _sensor(frequencies: Array, sample_rate: float) -> Array:
    """Anti-aliasing low-pass of the sensor: flat to 0.4 fs, closed at 0.5 fs."""
    edge = (frequencies / sample_rate - 0.4) / 0.1
    return np.where(edge <= 0, 1.0, np.cos(np.pi / 2 * np.clip(edge, 0, 1)) ** 2)
