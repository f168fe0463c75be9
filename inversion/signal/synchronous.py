"""1x vectors of vibration against a phase mark: one pulse a revolution, sampled beside the vibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST_REVOLUTIONS = 8
_LEVELS = (0.002, 0.998)  # shares of the samples below the two levels of a pulse: rarer ones are disturbances
_SWING = 0.25  # of the pulse's height, above and below its middle: noise there makes no second pulse
_STEADY = 0.2  # a revolution that differs more from the median one means lost or false pulses


def mark_times(pulses: Array) -> Array:
    """(n,) samples of a phase mark's channel to (k,) times of its rising edges, in samples, interpolated.

    A pulse counts when the signal passes from below a quarter to above three quarters of its height.
    """
    low, high = (float(level) for level in np.quantile(pulses, _LEVELS))
    if not high > low:
        return np.zeros(0)
    middle, swing = (low + high) / 2, _SWING * (high - low)
    state = np.where(pulses > middle + swing, 1, np.where(pulses < middle - swing, -1, 0))
    decided = np.flatnonzero(state)
    rises = np.flatnonzero((state[decided][1:] == 1) & (state[decided][:-1] == -1))
    times = np.zeros(rises.size)
    for k, (first, last) in enumerate(zip(decided[rises], decided[rises + 1], strict=True)):
        at = first + int(np.argmax(pulses[first : last + 1] > middle))  # first sample above the middle
        before, after = pulses[at - 1], pulses[at]
        times[k] = at - 1 + (middle - before) / (after - before)
    return times


def unsteady(times: Array) -> str:
    """Why these marks are no phase reference; empty where they are."""
    revolutions = times.size - 1
    if revolutions < FEWEST_REVOLUTIONS:
        return f"{max(0, revolutions)} revolutions between phase marks, at least {FEWEST_REVOLUTIONS} are needed"
    periods = np.diff(times)
    median = float(np.median(periods))
    worst = float(periods[np.argmax(np.abs(periods - median))])
    if abs(worst - median) > _STEADY * median:
        return (
            f"a revolution of {worst / median:.2f} times the median one: phase marks are lost, false or the speed runs"
        )
    return ""


@dataclass(frozen=True)
class Vector:
    """value: the 1x vector, such that x = Re(value exp(i angle)), angle counted from the mark with the rotation
    std: standard deviation of its real and of its imaginary part
    """

    value: complex
    std: float


def first_order(samples: Array, times: Array) -> Vector:
    """The 1x vector of (n,) samples over whole revolutions, and its deviation.

    The angle runs evenly between marks; samples weigh by the angle they stand for, which is right at any speed. The
    deviation is that of the mean over groups of revolutions: noise, beats and drift count, other orders do not. Of few
    groups it is widened to the deviation of Student's t.
    """
    at = np.arange(int(np.ceil(times[0])), int(np.floor(times[-1])) + 1)
    marks = np.arange(times.size)
    turns = np.interp(at, times, marks)
    weights = np.gradient(turns)
    revolution = np.clip(turns.astype(np.int64), 0, times.size - 2)
    x = samples[at] - np.average(samples[at], weights=weights)
    rotated = 2 * weights * x * np.exp(-2j * np.pi * turns)
    groups = min(16, (times.size - 1) // 2)
    group = revolution * groups // (times.size - 1)
    real, imaginary = (np.bincount(group, part, groups) for part in (rotated.real, rotated.imag))
    span = np.bincount(group, weights, groups)
    means = (real + 1j * imaginary) / span
    value = complex(rotated.sum() / span.sum())
    freedom = 2 * (groups - 1)
    variance = float(np.sum(np.abs(means - value) ** 2)) / (freedom * groups) * freedom / (freedom - 2)
    return Vector(value, float(np.sqrt(variance)))
