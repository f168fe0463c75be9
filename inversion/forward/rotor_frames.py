"""Frames of a rotor whose 1x vectors are known: waveforms beside a phase mark, or what an instrument would tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core.drawing import Records
from sensors import Frame, Waveform

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_FEWEST = 10  # revolutions: a few are lost between the marks at both ends
_DRIFT = 0.003  # of the speed, either way
_MARK = (0.03, 0.1)  # of a revolution
_MARK_NOISE = 0.01
_ORDERS = (2, 3, 4)
_IN_ORDERS = 0.5  # of what is not 1x, at most this share of its mean square is at multiples of the speed
_COLOR = 1.5  # the rest falls as 1 / f to a power between 0 and this


@dataclass(frozen=True)
class Mounted:
    """Channels of a rotor, as its frames name them. unit: SI, of the sensors."""

    sensors: tuple[str, ...]
    unit: str
    phase_channel: str
    speed_channel: str


def waveform_frame(
    at: Mounted, vectors: Complex, shaft_hz: float, heaviest: float, louder: float, asked: Records,
    rng: np.random.Generator,
) -> Frame:  # fmt: skip
    """Vibration beside a pulse a revolution: 1x, other orders, colored noise, and a speed that drifts.

    vectors: (S,) SI; heaviest: RMS of the largest 1x vibration that is expected, SI, over which the drawn ratio counts;
    louder: factor on what is not 1x
    """
    rate = float(rng.choice(asked.sample_rates))
    revolutions = max(rng.uniform(*asked.revolutions), _FEWEST)
    n = int(np.ceil(revolutions / shaft_hz * rate))
    along = np.arange(n) / n
    bend = 1 + _DRIFT * rng.uniform(-1, 1) * np.cos(np.pi * along + rng.uniform(0, np.pi))
    turns = rng.uniform() + np.cumsum(bend * shaft_hz / rate)
    rest = heaviest * 10 ** (-rng.uniform(*asked.ratio_db) / 20) * louder
    channels = {at.phase_channel: Waveform(_mark(turns, shaft_hz / rate, rng), rate, "V")}
    for sensor, vector in zip(at.sensors, vectors, strict=True):
        samples = (vector * np.exp(2j * np.pi * turns)).real + rest * _rest(turns, rng)
        channels[sensor] = Waveform(samples.astype(np.float32), rate, at.unit)
    return _framed(at, channels, shaft_hz)


def measured_frame(at: Mounted, vectors: Complex, shaft_hz: float) -> Frame:
    """What an instrument would tell of (S,) vectors, noise and all."""
    channels: dict[str, Waveform] = {}
    for sensor, vector in zip(at.sensors, vectors, strict=True):
        told = (("amplitude", np.abs(vector), at.unit), ("phase", np.angle(vector), "rad"))
        channels |= {f"{sensor}_{what}": _value(float(value), unit) for what, value, unit in told}
    return _framed(at, channels, shaft_hz)


def _framed(at: Mounted, channels: dict[str, Waveform], shaft_hz: float) -> Frame:
    speed = {at.speed_channel: _value(shaft_hz, "Hz")} if at.speed_channel else {}
    return Frame("drawn", 0, True, channels | speed)


def _value(value: float, unit: str) -> Waveform:
    return Waveform(np.array([value], dtype=np.float32), 1.0, unit)


def _mark(turns: Array, step: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n,) pulses, each sample the mean over its interval, so that edges between samples can be told."""
    width = rng.uniform(*_MARK)
    inside = turns % 1
    rising = np.clip(inside / step + 0.5, 0, 1) * (inside < 0.5) + np.clip((inside - 1) / step + 0.5, 0, 1)
    falling = np.clip((width - inside) / step + 0.5, 0, 1)
    pulses = np.where(inside < 0.5, rising * falling, rising)
    noisy: NDArray[np.float32] = (pulses + _MARK_NOISE * rng.standard_normal(turns.size)).astype(np.float32)
    return noisy


def _rest(turns: Array, rng: np.random.Generator) -> Array:
    """(n,) of mean square one, without 1x but for what noise has there."""
    frequency = np.arange(turns.size // 2 + 1, dtype=np.float64)
    frequency[0] = np.inf
    noise = np.fft.irfft(
        np.fft.rfft(rng.standard_normal(turns.size)) * frequency ** (-rng.uniform(0, _COLOR) / 2), turns.size
    )
    share, weights = rng.uniform(0, _IN_ORDERS), rng.dirichlet(np.ones(len(_ORDERS)))
    phases = rng.uniform(0, 2 * np.pi, len(_ORDERS))
    orders = sum(
        np.sqrt(2 * weight) * np.cos(2 * np.pi * order * turns + phase)
        for order, weight, phase in zip(_ORDERS, weights, phases, strict=True)
    )
    made: Array = np.sqrt(1 - share) * noise / noise.std() + np.sqrt(share) * orders
    return made
