"""Records at varying speed, resampled to equal angles of the shaft.

Source: Fyfe & Munck, "Analysis of computed order tracking", Mech. Syst. Signal Process. 11 (1997) 187-205: shaft angle
by integration of the speed (or by counting pulses), the record interpolated at equal angles after oversampling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inversion.signal.transform import Real, signal, spectrum

Array = NDArray[np.float64]

#: Before linear interpolation, which then errs by 1.2 % at most for tones up to a fifth of the sample rate.
_OVERSAMPLED = 4


def pulse_times(tacho: Real, sample_rate: float) -> Array:
    """Times of the rising edges of a tacho signal, s: crossings of its middle level, with hysteresis.

    tacho: (n,) any unit; a constant one has no edges
    """
    low, high = float(tacho.min()), float(tacho.max())
    if not high > low:
        return np.zeros(0)
    middle, margin = (low + high) / 2, 0.2 * (high - low)
    above, below = tacho > middle + margin, tacho < middle - margin
    decided = np.flatnonzero(above | below)
    state = above[decided]
    rises = np.flatnonzero(state[1:] & ~state[:-1])
    before = decided[rises]  # the last sample that is surely below
    times = np.empty(before.size)
    for k, (start, stop) in enumerate(zip(before, decided[rises + 1], strict=True)):
        part = tacho[start : stop + 1].astype(np.float64)
        j = int(np.argmax(part > middle))
        times[k] = start + j - 1 + (middle - part[j - 1]) / (part[j] - part[j - 1])
    return times / sample_rate


def revolutions_from_pulses(times: Array, pulses_a_revolution: int, at: Array) -> Array:
    """Shaft angle in revolutions at times `at` (n,), s, from the times of pulses (k,), k >= 2; linear outside them."""
    counts = np.arange(times.size) / pulses_a_revolution
    inside = np.interp(at, times, counts)
    first = (times[1] - times[0]) * pulses_a_revolution
    last = (times[-1] - times[-2]) * pulses_a_revolution
    inside = np.where(at < times[0], (at - times[0]) / first, inside)
    return np.where(at > times[-1], counts[-1] + (at - times[-1]) / last, inside)


def revolutions_from_speed(speed_hz: Array, at: Array, duration: float) -> Array:
    """Shaft angle in revolutions at times `at` (n,), s, from speeds (k,) equally spaced over `duration`, s."""
    middles = (np.arange(speed_hz.size) + 0.5) * (duration / speed_hz.size)
    fine = np.interp(at, middles, speed_hz)
    steps = np.diff(at, prepend=at[0])
    angle: Array = np.cumsum(fine * steps)
    return angle


def by_angle(record: Real, revolutions: Array) -> Real:
    """(n,) samples at equal times to (n,) at equal angles between the first and the last of `revolutions` (n,)."""
    n = record.size
    half = spectrum(record)
    padded = np.zeros(_OVERSAMPLED * n // 2 + 1, dtype=half.dtype)
    padded[: half.size] = half
    fine = signal(padded, _OVERSAMPLED * n) * np.float32(_OVERSAMPLED)
    equal = np.linspace(revolutions[0], revolutions[-1], n)
    position = np.interp(equal, revolutions, np.arange(n)) * _OVERSAMPLED
    resampled: Real = np.interp(position, np.arange(fine.size), fine).astype(np.float32)
    return resampled
