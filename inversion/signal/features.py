"""Features of one channel by name: numbers that a window of samples is boiled down to.

A feature that cannot be seen in a window (no peak stands out, too few samples) is NaN, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.signal import lines

Array = NDArray[np.float64]

_FEWEST = 4  # samples from which a shape statistic can be taken


@dataclass(frozen=True)
class Feature:
    """One number a window.

    kind: one of `KINDS`; `level` and `slope` (1/s) of process values; `rms`, `crest`, `kurtosis` of what is left
        without the mean; `band_power` (mean square between low_hz and high_hz), `peak_hz` and `mean_hz` (frequency of
        the peak, and the power-weighted mean of the instantaneous frequency, in the band), `peak_rms` (of the peak's
        line), `order_rms` (of the line at `order` times the shaft speed)
    part: share of the window that is looked at, such as (0.0, 0.5); the earlier part of a window is a lag feature
    candidate: 1 for the strongest peak of the band, 2 for the second, ...
    prominence_db: a peak that stands less above the median of its band is not seen
    least_rms: nor is a frequency in a band that vibrates less than this, such as the noise of the sensor itself
    log: take the natural logarithm, so that a factor becomes a sum
    """

    name: str
    channel: str
    kind: str
    low_hz: float = 0.0
    high_hz: float = 0.0
    order: float = 0.0
    part: tuple[float, ...] = (0.0, 1.0)
    candidate: int = 1
    prominence_db: float = 12.0
    least_rms: float = 0.0
    log: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.kind in _BANDED and not 0 <= self.low_hz < self.high_hz:
            raise ValueError(f"low_hz must be below high_hz, got {self.low_hz:g} and {self.high_hz:g} Hz")
        if self.kind == "order_rms" and not self.order > 0:
            raise ValueError(f"order must be positive, got {self.order:g}")
        if len(self.part) != 2 or not 0 <= self.part[0] < self.part[1] <= 1:
            raise ValueError(f"part must be two shares of the window, rising, got {list(self.part)}")
        if self.candidate < 1:
            raise ValueError(f"candidate must be 1 or more, got {self.candidate}")

    @property
    def needs_motion(self) -> bool:
        """Whether a channel that does not move at all tells this feature nothing."""
        return self.kind not in ("level", "slope")

    @property
    def needs_speed(self) -> bool:
        """Whether the speed of the shaft must be known."""
        return self.kind == "order_rms"


def measure(feature: Feature, samples: NDArray[np.floating], rate: float, shaft_hz: float = float("nan")) -> float:
    """The feature of (n,) samples taken at `rate` Hz; NaN where it cannot be seen."""
    first, last = (round(share * samples.size) for share in feature.part)
    part = samples[first:last].astype(np.float64)
    if part.size == 0 or not np.all(np.isfinite(part)):
        return float("nan")
    value = _MEASURES[feature.kind](feature, part, rate, shaft_hz)
    if feature.log:
        value = float(np.log(value)) if value > 0 else float("nan")
    return value if np.isfinite(value) else float("nan")


def _level(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    return float(x.mean())


def _slope(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    if x.size < _FEWEST:
        return float("nan")
    time = (np.arange(x.size) - (x.size - 1) / 2) / rate
    return float(time @ x / (time @ time))


def _moment(x: Array, power: int) -> float:
    return float(np.mean((x - x.mean()) ** power)) if x.size >= _FEWEST else float("nan")


def _rms(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    return float(np.sqrt(_moment(x, 2)))


def _crest(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    rms = _rms(feature, x, rate, shaft_hz)
    return float(np.abs(x - x.mean()).max() / rms) if rms > 0 else float("nan")


def _kurtosis(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    variance = _moment(x, 2)
    return _moment(x, 4) / variance**2 if variance > 0 else float("nan")


def _band_power(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    return lines.band_power(x, rate, feature.low_hz, feature.high_hz)


def _peak(feature: Feature, x: Array, rate: float) -> lines.Peak | None:
    found = lines.peaks(x, rate, feature.low_hz, feature.high_hz, feature.prominence_db)
    loud = [peak for peak in found if peak.rms >= feature.least_rms]
    return loud[feature.candidate - 1] if len(loud) >= feature.candidate else None


def _peak_hz(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    peak = _peak(feature, x, rate)
    return float("nan") if peak is None else peak.hz


def _peak_rms(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    peak = _peak(feature, x, rate)
    return float("nan") if peak is None else peak.rms


def _mean_hz(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    if feature.least_rms > 0 and not _band_power(feature, x, rate, shaft_hz) >= feature.least_rms**2:
        return float("nan")
    return lines.mean_frequency(x, rate, feature.low_hz, feature.high_hz)


def _order_rms(feature: Feature, x: Array, rate: float, shaft_hz: float) -> float:
    return lines.line_rms(x, rate, feature.order * shaft_hz)


_MEASURES: dict[str, Callable[[Feature, Array, float, float], float]] = {
    "level": _level,
    "slope": _slope,
    "rms": _rms,
    "crest": _crest,
    "kurtosis": _kurtosis,
    "band_power": _band_power,
    "peak_hz": _peak_hz,
    "peak_rms": _peak_rms,
    "mean_hz": _mean_hz,
    "order_rms": _order_rms,
}
_BANDED = ("band_power", "peak_hz", "peak_rms", "mean_hz")

#: Every kind of feature there is.
KINDS = tuple(_MEASURES)
