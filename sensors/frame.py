"""What a sensor delivers: waveforms, in frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sensors.units import SI_UNITS


class Quality(IntEnum):
    """How far a measurement may be believed; the larger, the worse."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


@dataclass(frozen=True)
class Waveform:
    """Equally spaced samples of one quantity; a scalar is a waveform of one sample.

    samples: (n,) float32, n >= 1, made read-only; in SI (`unit`)
    sample_rate: Hz, stated by the source, never inferred
    reason: why the quality is not GOOD, for people
    """

    samples: NDArray[np.float32]
    sample_rate: float
    unit: str
    quality: Quality = Quality.GOOD
    reason: str = ""

    def __post_init__(self) -> None:
        samples = self.samples
        if not _is_for_good(samples):
            samples = np.array(samples, dtype=np.float32, order="C")
        if samples.ndim != 1 or samples.size == 0:
            raise ValueError(f"samples must be one-dimensional and not empty, got shape {samples.shape}")
        if not (self.sample_rate > 0 and np.isfinite(self.sample_rate)):  # refuses NaN too
            raise ValueError(f"sample_rate must be positive, got {self.sample_rate} Hz")
        if self.unit not in SI_UNITS:
            raise ValueError(f"unit must be SI, one of {', '.join(sorted(SI_UNITS))}; got {self.unit!r}")
        samples.setflags(write=False)
        object.__setattr__(self, "samples", samples)

    @property
    def duration_s(self) -> float:
        """Length of the record, s."""
        return self.samples.size / self.sample_rate


def _is_for_good(samples: object) -> bool:
    """Whether these are float32 that nobody can change: they lie in `bytes`."""
    if not isinstance(samples, np.ndarray) or samples.dtype != np.float32:
        return False
    if not (samples.flags.c_contiguous and samples.flags.aligned):
        return False
    holder = samples.base
    while isinstance(holder, np.ndarray):
        holder = holder.base
    return isinstance(holder, bytes)


@dataclass(frozen=True)
class Frame:
    """What one asset's sensors delivered for one stretch of time.

    start_ns: UTC, nanoseconds since 1970, of the first sample
    clock_trusted: False where the recording or device has no synchronized clock
    channels: by name; process values such as `shaft_hz` are channels of one sample
    source: where it came from, for people: a file name, a device address
    position: running number of the window inside a finite recording, None when live
    monotonic_ns: of the first sample, by `sensors.moments.monotonic_ns`; given by a live source that stamps with this
        computer's clock, so that its time can be corrected; else None
    """

    asset: str
    start_ns: int
    clock_trusted: bool
    channels: Mapping[str, Waveform]
    source: str = ""
    position: int | None = None
    monotonic_ns: int | None = None

    def __post_init__(self) -> None:
        if not self.asset:
            raise ValueError("asset must have a name, got an empty one")
        if not self.channels:
            raise ValueError(f"frame of {self.asset!r} must have at least one channel, got none")
        object.__setattr__(self, "channels", MappingProxyType(dict(self.channels)))

    @property
    def duration_s(self) -> float:
        """Length of the longest channel, s."""
        return max(waveform.duration_s for waveform in self.channels.values())
