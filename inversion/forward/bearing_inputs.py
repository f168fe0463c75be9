"""What a rolling bearing's observation needs of a frame: acceleration at a known shaft speed, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inversion.signal import order_tracking, shaft_speed
from inversion.signal.transform import fast_length_below, spectrum
from sensors import Frame, Quality, Waveform

Array = NDArray[np.float64]

_STEADY = 0.005  # relative variation of the speed up to which a record counts as taken at one speed
_SWING = (1e-6, 1e6)  # m/s2, between the extremes: outside, it is no vibration


@dataclass(frozen=True)
class Channels:
    """Names of the channels, what stands in for the speed, how far it may be off. See `RollingBearing`."""

    acceleration: str
    speed: str
    tacho: str
    pulses_a_revolution: int
    shaft_hz: float | None
    tolerance: float = 0.0


@dataclass(frozen=True)
class Inputs:
    """waveform: acceleration, at equal angles of the shaft where its speed varied; shaft_hz: mean speed.

    steady: False where it varied: then a time is no width; remark: that this was so
    """

    waveform: Waveform
    shaft_hz: float
    steady: bool
    remark: str


def gather(frame: Frame, channels: Channels) -> Inputs | str:
    """The inputs, or the reason for which there are none."""
    waveform = _sound(frame, channels.acceleration, "m/s2")
    if isinstance(waveform, str):
        return waveform
    samples = waveform.samples
    swing = float(np.maximum.reduce(samples)) - float(np.minimum.reduce(samples))  # not a number if one sample is none
    if samples.size > 1 and not _SWING[0] < swing < _SWING[1]:
        return f"{channels.acceleration}: no vibration swings by {swing:g} m/s2"
    if channels.tacho:
        return _by_tacho(frame, waveform, channels)
    if channels.speed not in frame.channels and channels.shaft_hz is not None:
        return _as_heard(waveform, channels.shaft_hz, channels.tolerance)
    speed = _sound(frame, channels.speed, "Hz")
    if isinstance(speed, str):
        return speed
    if speed.samples.size == 1 and 0 < (shaft_hz := speed.samples.item()) < math.inf:
        return _as_heard(waveform, shaft_hz, channels.tolerance)
    profile = speed.samples.astype(np.float64)
    if not np.all(np.isfinite(profile)):
        return f"{channels.speed}: NaN or infinite"
    if not profile.min() > 0:
        return f"the shaft stands still or reverses ({profile.min():g} Hz)"
    if np.ptp(profile) <= _STEADY * profile.mean():
        return _as_heard(waveform, float(profile.mean()), channels.tolerance)
    times = np.arange(waveform.samples.size) / waveform.sample_rate
    return _at_equal_angles(waveform, order_tracking.revolutions_from_speed(profile, times, waveform.duration_s))


def _as_heard(waveform: Waveform, nominal_hz: float, tolerance: float) -> Inputs:
    """The inputs at the speed that the shaft's own lines tell, where it may be off by `tolerance`."""
    if not tolerance > 0:
        return Inputs(waveform, nominal_hz, True, "")
    samples = fast_length_below(waveform.samples.size)
    record = waveform.samples[:samples] - waveform.samples[:samples].mean()
    found = shaft_speed.find_speed(spectrum(record), waveform.sample_rate / samples, nominal_hz, tolerance)
    if found is None:
        told = f"no lines of a shaft within {tolerance:.0%} of {nominal_hz:g} Hz: taken as it is, faults may be missed"
        return Inputs(waveform, nominal_hz, True, told)
    return Inputs(waveform, found, True, f"the shaft turns at {found:.2f} Hz by its own lines")


def _by_tacho(frame: Frame, waveform: Waveform, channels: Channels) -> Inputs | str:
    tacho = frame.channels.get(channels.tacho)
    if tacho is None:
        return f"channel {channels.tacho!r} is missing, there are: {', '.join(frame.channels)}"
    if tacho.quality is Quality.BAD:
        return f"{channels.tacho}: {tacho.reason or 'bad'}"
    pulses = order_tracking.pulse_times(tacho.samples, tacho.sample_rate)
    if pulses.size < 2 * channels.pulses_a_revolution + 1:
        return f"{channels.tacho}: {pulses.size} pulses do not make two revolutions"
    periods = (pulses[channels.pulses_a_revolution :] - pulses[: -channels.pulses_a_revolution]).astype(np.float64)
    if np.ptp(periods) <= _STEADY * periods.mean():
        return Inputs(waveform, float(1 / periods.mean()), True, "")
    times = np.arange(waveform.samples.size) / waveform.sample_rate
    return _at_equal_angles(
        waveform, order_tracking.revolutions_from_pulses(pulses, channels.pulses_a_revolution, times)
    )


def _at_equal_angles(waveform: Waveform, revolutions: Array) -> Inputs | str:
    steps = np.diff(revolutions)
    if not steps.min() > 0:
        return "the shaft stands still or reverses within the window"
    shaft_hz = float((revolutions[-1] - revolutions[0]) / (waveform.duration_s - 1 / waveform.sample_rate))
    variation = float(np.ptp(steps) / steps.mean())
    resampled = replace(waveform, samples=order_tracking.by_angle(waveform.samples, revolutions))
    return Inputs(resampled, shaft_hz, False, f"the speed varied by {variation:.1%}: widths are not judged")


def _sound(frame: Frame, name: str, unit: str) -> Waveform | str:
    if name not in frame.channels:
        return f"channel {name!r} is missing, there are: {', '.join(frame.channels)}"
    waveform = frame.channels[name]
    if waveform.unit != unit:
        return f"channel {name!r} must be in {unit}, got {waveform.unit!r}"
    if waveform.quality is Quality.BAD:
        return f"{name}: {waveform.reason or 'bad'}"
    return waveform
