"""What can go wrong while measuring.

SensorError
├── SourceUnavailable   nobody answers; waiting may help, so the gateway retries
├── DecodeError         an answer came, but it contradicts the device profile
├── ProfileError        the device profile itself is wrong; retrying never helps
├── LayoutError         the recording layout itself is wrong; retrying never helps
└── RecordingError      a recorded file is damaged or does not fit its layout

A message says where (file, line or key), what was found and what was expected, in one line.
"""

from __future__ import annotations


class SensorError(Exception):
    """Any failure to measure; the message is one line for people."""


class SourceUnavailable(SensorError):
    """Nobody answers, or the line broke; waiting may help."""


class DecodeError(SensorError):
    """An answer came, but it contradicts the device profile."""


class ProfileError(SensorError):
    """The device profile itself is wrong."""


class LayoutError(SensorError):
    """The recording layout itself is wrong."""


class RecordingError(SensorError):
    """A recorded file is damaged, or does not hold what its layout promises."""
