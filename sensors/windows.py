"""A recording, cut into windows: one frame each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sensors.errors import RecordingError
from sensors.frame import Frame, Quality, Waveform
from sensors.quality import assess
from sensors.recorded import Recording

_NANO = 1_000_000_000
_GAP = 1.5  # sample intervals between two time stamps from which on a sample is missing
_SHAFT = "shaft_hz"
_MOST = 1e15  # samples in a window; no recording is longer


def check_window(window_revolutions: float | None, window_s: float | None, overlap: float) -> None:
    """Raises ValueError unless exactly one length is given, positive, and the overlap is a share below 1."""
    named = (("window_revolutions", window_revolutions), ("window_s", window_s))
    lengths = {name: length for name, length in named if length is not None}
    if len(lengths) != 1:
        raise ValueError(f"expected exactly one of window_revolutions and window_s, found {len(lengths)}")
    for name, length in lengths.items():
        if not 0 < length < np.inf:
            raise ValueError(f"{name} must be longer than 0, got {length}")
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap must be 0 or more and below 1, got {overlap}")


def window_size(recording: Recording, *, window_revolutions: float | None = None, window_s: float | None = None) -> int:
    """Samples in one window.

    Raises RecordingError where revolutions are asked for and no shaft speed is stated, and for less than one sample.
    """
    if window_s is not None:
        return _samples(recording, window_s)
    if window_revolutions is None:
        raise ValueError("expected exactly one of window_revolutions and window_s, found 0")
    if _SHAFT not in recording.conditions:
        raise RecordingError(
            f"{recording.source}: window_revolutions needs the condition {_SHAFT!r}, which its layout does not state; "
            f"state it, or use window_s"
        )
    speeds = recording.conditions[_SHAFT].samples
    speeds = speeds[np.isfinite(speeds)].astype(np.float64)
    shaft_hz = float(speeds.mean()) if speeds.size else float("nan")
    if not shaft_hz > 0:
        raise RecordingError(f"{recording.source}: {_SHAFT}: expected a turning shaft, found {shaft_hz:g} Hz")
    return _samples(recording, window_revolutions / shaft_hz)


def _samples(recording: Recording, length_s: float) -> int:
    samples = length_s * recording.sample_rate
    if not 1 <= samples < _MOST:
        raise RecordingError(f"{recording.source}: a window of {length_s:.4g} s must be 1 to {_MOST:.0e} samples long")
    return round(samples)


def window_frames(
    recording: Recording,
    *,
    window_revolutions: float | None = None,
    window_s: float | None = None,
    overlap: float = 0.0,
) -> Iterator[Frame]:
    """Frames of equal length, in order; a last partial window is dropped.

    Revolutions are counted by the mean of the condition `shaft_hz`. Each window is judged by itself, so a gap or NaN
    makes only the windows BAD that contain it. Conditions become channels of one sample, the mean over the window.
    Raises RecordingError for a recording shorter than one window.
    """
    check_window(window_revolutions, window_s, overlap)
    size = window_size(recording, window_revolutions=window_revolutions, window_s=window_s)
    if size > recording.size:
        raise RecordingError(
            f"{recording.source}: must be at least one window of {size} samples ({size / recording.sample_rate:.4g} s) "
            f"long, found {recording.size}"
        )
    hop = max(1, round(size * (1 - overlap)))
    gaps = _gaps(recording)
    for position, first in enumerate(range(0, recording.size - size + 1, hop)):
        yield _frame(recording, slice(first, first + size), position, gaps)


def _frame(recording: Recording, window: slice, position: int, gaps: NDArray[np.intp]) -> Frame:
    gap = _gap_reason(recording, window, gaps)
    channels = {name: _cut(waveform, window, gap) for name, waveform in recording.channels.items()}
    conditions = {name: _mean(waveform, window) for name, waveform in recording.conditions.items()}
    return Frame(
        asset=recording.asset,
        start_ns=_start_ns(recording, window.start),
        clock_trusted=recording.clock_trusted,
        channels={**channels, **conditions},
        source=recording.source,
        position=position,
    )


def _cut(waveform: Waveform, window: slice, gap: str) -> Waveform:
    samples = waveform.samples[window]
    quality, reason = (Quality.BAD, gap) if gap else assess(samples)
    return Waveform(samples, waveform.sample_rate, waveform.unit, quality, reason)


def _mean(waveform: Waveform, window: slice) -> Waveform:
    """A condition over the window: one sample that lasts as long."""
    samples = waveform.samples if waveform.samples.size == 1 else waveform.samples[window]
    finite = bool(np.isfinite(samples).all())
    quality, reason = (Quality.GOOD, "") if finite else assess(samples)
    mean = samples.mean(dtype=np.float64) if finite else np.nan
    return Waveform(
        np.array([mean]), waveform.sample_rate / (window.stop - window.start), waveform.unit, quality, reason
    )


def _start_ns(recording: Recording, first: int) -> int:
    if recording.times_ns is not None:
        return int(recording.times_ns[first])
    return recording.start_ns + round(first * _NANO / recording.sample_rate)


def _gaps(recording: Recording) -> NDArray[np.intp]:
    """(k,) samples after which the time stamps do not go on as the sample rate says."""
    if recording.times_ns is None:
        return np.array([], dtype=np.intp)
    steps = np.diff(recording.times_ns)
    return np.flatnonzero((steps <= 0) | (steps > _GAP * _NANO / recording.sample_rate))


def _gap_reason(recording: Recording, window: slice, gaps: NDArray[np.intp]) -> str:
    inside = gaps[(gaps >= window.start) & (gaps < window.stop - 1)]
    if recording.times_ns is None or inside.size == 0:
        return ""
    at = int(inside[0])
    step_s = int(recording.times_ns[at + 1] - recording.times_ns[at]) / _NANO
    return (
        f"gap: {step_s:.6g} s between samples {at - window.start} and {at + 1 - window.start}, "
        f"expected {1 / recording.sample_rate:.6g} s"
    )
