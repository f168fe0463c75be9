"""Features of one frame: what can be measured in it, and why not more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.signal.features import Feature, measure
from sensors import Frame, Quality, Waveform

Array = NDArray[np.float64]

SPEED = "shaft_hz"  # channel that features by order need
_RATE = 0.1  # relative difference of sample rates that is let pass: features are in Hz, whatever the rate
_SHORTEST = 0.8  # of the windows fitted on
_LARGEST = 1e12  # SI; what is beyond was measured by nothing


@dataclass(frozen=True)
class Looked:
    """values: (d,) features, NaN where not seen; quality and reason of the channels they were taken from."""

    values: Array
    quality: Quality
    reason: str


def look(
    frame: Frame,
    features: Sequence[Feature],
    units: Mapping[str, str],
    sample_rates: Mapping[str, float],
    window_s: float,
) -> Looked:
    """The features of a frame whose channels are as the mappings say; BAD, all NaN, where one is not."""
    nothing = np.full(len(features), np.nan)
    doubts = []
    for name, unit in units.items():
        problem = _unusable(frame, name, unit, [each for each in features if each.channel == name])
        if problem:
            return Looked(nothing, Quality.BAD, problem)
        waveform = frame.channels[name]
        if name in sample_rates and (problem := _other(waveform, name, sample_rates[name], window_s)):
            return Looked(nothing, Quality.UNCERTAIN, problem)
        doubts += [waveform.reason] if waveform.quality is Quality.UNCERTAIN else []
    shaft_hz = float(frame.channels[SPEED].samples.mean()) if SPEED in units else float("nan")
    taken = [(feature, frame.channels[feature.channel]) for feature in features]
    values = np.array([measure(each, w.samples, w.sample_rate, shaft_hz) for each, w in taken])
    quality = Quality.UNCERTAIN if doubts else Quality.GOOD
    return Looked(values, quality, "; ".join(dict.fromkeys(doubts)))


def needed(features: Sequence[Feature]) -> tuple[str, ...]:
    """Channels that these features are taken from."""
    names = [feature.channel for feature in features]
    return tuple(dict.fromkeys([*names, *([SPEED] if any(feature.needs_speed for feature in features) else [])]))


def _unusable(frame: Frame, name: str, unit: str, features: Sequence[Feature]) -> str:
    """Why nothing can be taken from this channel; empty where it can."""
    if name not in frame.channels:
        return f"channel {name!r} is missing, there are: {', '.join(frame.channels)}"
    waveform = frame.channels[name]
    if waveform.unit != unit:
        return f"channel {name!r} must be in {unit!r}, got {waveform.unit!r}"
    still_is_fine = not any(feature.needs_motion for feature in features)
    x = waveform.samples
    if not np.all(np.isfinite(x)):
        return f"{name}: {waveform.reason or 'not a number among the samples'}"
    if waveform.quality is Quality.BAD and not (still_is_fine and x.size > 1 and np.ptp(x) == 0):
        return f"{name}: {waveform.reason or 'bad'}"
    if float(np.abs(x).max()) > _LARGEST:
        return f"{name}: nothing measures {float(np.abs(x).max()):g} {unit}"
    if not still_is_fine and np.ptp(x) == 0 and x.size > 1:
        return f"{name}: does not move"
    if name == SPEED and not x.mean() > 0:
        return f"the shaft stands still ({x.mean():g} Hz)"
    return ""


def _other(waveform: Waveform, name: str, rate: float, window_s: float) -> str:
    """Why the windows fitted on were of another kind; empty where they were not."""
    if abs(waveform.sample_rate / rate - 1) > _RATE:
        return f"{name} is sampled at {waveform.sample_rate:g} Hz, the model was fitted at {rate:g} Hz"
    if waveform.duration_s < _SHORTEST * window_s:
        return f"{name} lasts {waveform.duration_s:.3g} s, the model was fitted on windows of {window_s:.3g} s"
    return ""
