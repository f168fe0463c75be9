"""How to measure: frames, sources, readers, device profiles. Knows nothing of `inversion`."""

from sensors.errors import (
    DecodeError,
    LayoutError,
    ProfileError,
    RecordingError,
    SensorError,
    SourceUnavailable,
)
from sensors.frame import Frame, Quality, Waveform
from sensors.source import Reader, Source

__all__ = [
    "DecodeError",
    "Frame",
    "LayoutError",
    "ProfileError",
    "Quality",
    "Reader",
    "RecordingError",
    "SensorError",
    "Source",
    "SourceUnavailable",
    "Waveform",
]
