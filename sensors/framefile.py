"""Frames in a file, exactly as they were measured: channels, units, rates, times, quality and reasons.

One `.npz`, no pickle: `samples`, all of them one after the other (float32), and `frames`, what they are (JSON, UTF-8).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import RecordingError
from sensors.frame import Frame, Quality, Waveform

_VERSION = 1


def write_frames(path: Path, frames: Sequence[Frame]) -> None:
    """Writes beside the final name and renames, so that the file appears whole or not at all. Raises OSError."""
    described = {"version": _VERSION, "frames": [_described(frame) for frame in frames]}
    samples = [waveform.samples for frame in frames for waveform in frame.channels.values()]
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        np.savez_compressed(
            file,
            samples=np.concatenate(samples) if samples else np.zeros(0, dtype=np.float32),
            frames=np.frombuffer(json.dumps(described).encode(), dtype=np.uint8),
        )
    beside.replace(path)


def read_frames(path: Path) -> list[Frame]:
    """All frames of a file, in order. Raises RecordingError."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            samples, described = file["samples"], json.loads(file["frames"].tobytes())
        if described["version"] != _VERSION:
            raise RecordingError(f"{path}: expected frames of version {_VERSION}, found {described['version']}")
        return _frames(samples, described["frames"])
    except OSError as problem:
        raise RecordingError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as problem:
        raise RecordingError(f"{path}: expected recorded frames, found something else: {problem}") from problem


def _described(frame: Frame) -> dict[str, Any]:
    return {
        "asset": frame.asset,
        "start_ns": frame.start_ns,
        "clock_trusted": frame.clock_trusted,
        "source": frame.source,
        "position": frame.position,
        "channels": [
            [name, one.samples.size, one.sample_rate, one.unit, int(one.quality), one.reason]
            for name, one in frame.channels.items()
        ],
    }


def _frames(samples: NDArray[np.float32], described: list[dict[str, Any]]) -> list[Frame]:
    frames, at = [], 0
    for frame in described:
        channels = {}
        for name, size, rate, unit, quality, reason in frame.pop("channels"):
            channels[name] = Waveform(samples[at : at + size], rate, unit, Quality(quality), reason)
            at += size
        frames.append(Frame(channels=channels, **frame))
    return frames
