"""Windows of polled values: a device that only has scalars gives frames of several polls, with their real times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sensors.frame import Quality, Waveform
from sensors.profile import Register
from sensors.reading import Reading

#: The channel that says when each poll of a window was made, s since the first.
POLL_TIME = "poll_time"


@dataclass(frozen=True)
class Poll:
    """One poll. at_s: when, by a clock that does not jump; readings: None where nobody answered, `reason` says why."""

    at_s: float
    readings: Mapping[str, Reading] | None
    reason: str = ""


def window_channels(registers: Sequence[Register], polls: Sequence[Poll], poll_s: float) -> dict[str, Waveform]:
    """A channel of (n,) samples for each register, and the times of the polls; rate 1 / poll_s.

    A poll without an answer is NaN, and makes the channel BAD; nothing is repeated or interpolated.
    """
    rate = 1 / poll_s
    channels = {register.name: _channel(register, polls, rate) for register in registers}
    times = np.array([poll.at_s - polls[0].at_s for poll in polls])
    return {**channels, POLL_TIME: Waveform(times.astype(np.float32), rate, "s")}


def _channel(register: Register, polls: Sequence[Poll], rate: float) -> Waveform:
    values, worst = np.full(len(polls), np.nan), Reading(0.0)
    lost = [poll.reason for poll in polls if poll.readings is None]
    for i, poll in enumerate(polls):
        if poll.readings is not None:
            reading = poll.readings[register.name]
            values[i] = reading.value
            worst = max(worst, reading, key=lambda one: one.quality)
    quality, reason = worst.quality, worst.reason
    if lost:
        quality, reason = Quality.BAD, f"{len(lost)} of {len(polls)} polls have no answer: {lost[0]}"
    with np.errstate(over="ignore"):
        samples = values.astype(np.float32)
    if quality is Quality.GOOD and not np.isfinite(samples).all():
        quality, reason = Quality.BAD, "not a finite number"
    return Waveform(samples, rate, register.encoding.si_unit, quality, reason)
