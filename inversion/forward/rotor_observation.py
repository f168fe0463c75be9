"""What a frame tells of 1x vibration: vectors from waveforms and a phase mark, or vectors measured elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.signal.synchronous import first_order, mark_times, unsteady
from sensors import Frame, Quality, Waveform

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_ABSURD = 1e9  # SI: no vibration and no mark swings by that
_AGREE = 0.02  # relative: speed of the marks against the speed channel


@dataclass(frozen=True)
class Vectors:
    """values: (S,) 1x vectors, SI; std: (S,) of each component; shaft_hz: Hz; quality and its reason."""

    values: Complex
    std: Array
    shaft_hz: float
    quality: Quality = Quality.GOOD
    reason: str = ""


def waveform_vectors(frame: Frame, sensors: tuple[str, ...], unit: str, mark: str, speed: str) -> Vectors | str:
    """1x vectors of sampled vibration against a phase mark, or why there are none. The channels exist."""
    pulses = frame.channels[mark]
    for name in (*sensors, mark):
        problem = _unusable(name, frame.channels[name], None if name == mark else unit)
        if problem:
            return problem
        problem = _beside(name, frame.channels[name], mark, pulses)
        if problem:
            return problem
    times = mark_times(pulses.samples.astype(np.float64))
    problem = unsteady(times)
    if problem:
        return f"{mark}: {problem} (at {pulses.sample_rate:g} Hz)"
    shaft_hz = (times.size - 1) / (times[-1] - times[0]) * pulses.sample_rate
    stated = _speed(frame, speed) if speed else float(shaft_hz)
    if isinstance(stated, str):
        return stated
    if abs(stated / shaft_hz - 1) > _AGREE:
        return f"{mark} says that the shaft turns at {shaft_hz:.4g} Hz, {speed} says {stated:.4g} Hz"
    found = [first_order(frame.channels[name].samples.astype(np.float64), times) for name in sensors]
    values, std = np.array([each.value for each in found]), np.array([each.std for each in found])
    quality, reason = _worst(frame, (*sensors, mark))
    return Vectors(values, std, float(shaft_hz), quality, reason)


def measured_vectors(frame: Frame, sensors: tuple[str, ...], unit: str, speed: str) -> Vectors | str:
    """Vectors that an instrument measured, process values `<sensor>_amplitude` and `<sensor>_phase` (rad)."""
    names = [(f"{sensor}_amplitude", f"{sensor}_phase") for sensor in sensors]
    values = []
    for amplitude, phase in names:
        for name, wanted in ((amplitude, unit), (phase, "rad")):
            problem = _unusable(name, frame.channels[name], wanted)
            if problem:
                return problem
        size, angle = (frame.channels[name].samples.astype(np.float64) for name in (amplitude, phase))
        if size.min() < 0:
            return f"{amplitude}: an amplitude must be zero or more, got {size.min():g}"
        values.append(size.mean() * np.exp(1j * np.angle(np.exp(1j * angle).mean())))
    stated = _speed(frame, speed)
    if isinstance(stated, str):
        return stated
    quality, reason = _worst(frame, tuple(name for pair in names for name in pair))
    return Vectors(np.array(values), np.zeros(len(values)), stated, quality, reason)


def _unusable(name: str, channel: Waveform, unit: str | None) -> str:
    """Why a channel cannot be used at all; empty where it can."""
    if unit is not None and channel.unit != unit:
        return f"channel {name!r} must be in {unit}, got {channel.unit!r}"
    if channel.quality is Quality.BAD:
        return f"{name}: {channel.reason or 'bad'}"
    least, largest = float(channel.samples.min()), float(channel.samples.max())
    if not (np.isfinite(least) and np.isfinite(largest)):
        return f"{name}: not a finite number"
    if max(-least, largest) > _ABSURD:
        return f"{name}: no such value is possible ({max(-least, largest):g})"
    if channel.samples.size > 1 and unit not in (None, "rad") and least == largest:
        return f"{name}: dead, every sample is {least:g}"
    return ""


def _beside(name: str, channel: Waveform, mark: str, pulses: Waveform) -> str:
    if (channel.sample_rate, channel.samples.size) == (pulses.sample_rate, pulses.samples.size):
        return ""
    return (
        f"{name} and {mark} must be sampled together, got {channel.samples.size} samples at {channel.sample_rate:g} Hz "
        f"and {pulses.samples.size} at {pulses.sample_rate:g} Hz"
    )


def _speed(frame: Frame, name: str) -> float | str:
    channel = frame.channels[name]
    if channel.unit != "Hz":
        return f"channel {name!r} must be in Hz, got {channel.unit!r}"
    shaft_hz = float(channel.samples.astype(np.float64).mean())
    if channel.quality is Quality.BAD or not np.isfinite(shaft_hz):
        return f"{name}: {channel.reason or 'bad'}"
    return shaft_hz if shaft_hz > 0 else f"the shaft stands still or turns backward ({shaft_hz:g} Hz)"


def _worst(frame: Frame, names: tuple[str, ...]) -> tuple[Quality, str]:
    channels = [frame.channels[name] for name in names]
    reasons = [f"{name}: {each.reason}" for name, each in zip(names, channels, strict=True) if each.reason]
    return max(each.quality for each in channels), "; ".join(reasons)
