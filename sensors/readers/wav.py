"""Sound files (`.wav`): integers of 8, 16, 24, 32 bit and floats of 32, 64 bit.

Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (1991), section 3;
Microsoft, Multiple Channel Audio Data and WAVE Files (2001) for the extensible header.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import RecordingError
from sensors.readers.variables import matching

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SAMPLE_RATE = "sample_rate"


@dataclass(frozen=True)
class WavReader:
    """Reads the channels as variables `1`, `2`, ..., and the file's own rate as `sample_rate` (1,), Hz.

    Integers are scaled to [-1, 1): full scale is 1, so that a layout's `factor` is the full scale in its unit.
    """

    def read(self, path: Path, wanted: Sequence[str]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """See `sensors.source.Reader`."""
        try:
            content = path.read_bytes()
        except OSError as problem:
            raise RecordingError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
        chunks = _chunks(path, content)
        layout = _format(path, chunks)
        samples = layout.decode(path, chunks.get(b"data", b""))
        variables = {str(i + 1): samples[:, i] for i in range(layout.channels)}
        variables[_SAMPLE_RATE] = np.array([layout.rate], dtype=np.float64)
        return {name: variables[name] for name in matching(variables, wanted)}


@dataclass(frozen=True)
class _Format:
    kind: int
    channels: int
    rate: int
    bits: int

    def decode(self, path: Path, data: bytes) -> NDArray[np.float64]:
        """(n, channels) samples. Raises RecordingError where there are none, or half of one."""
        width = self.channels * self.bits // 8
        if not data:
            raise RecordingError(f"{path}: has zero samples")
        if len(data) % width:
            raise RecordingError(f"{path}: data must be whole samples of {width} bytes, found {len(data)} bytes")
        if self.kind == _FLOAT:
            flat = np.frombuffer(data, f"<f{self.bits // 8}").astype(np.float64)
        elif self.bits == 8:  # the only unsigned one
            flat = np.frombuffer(data, "u1") / 128.0 - 1.0
        elif self.bits == 24:
            padded = np.zeros((len(data) // 3, 4), np.uint8)
            padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            flat = padded.view("<i4").reshape(-1) / 2.0**31
        else:
            flat = np.frombuffer(data, f"<i{self.bits // 8}") / 2.0 ** (self.bits - 1)
        return flat.reshape(-1, self.channels)


def _chunks(path: Path, content: bytes) -> dict[bytes, bytes]:
    """Content of each chunk by name; of chunks of the same name, the first."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise RecordingError(f"{path}: must begin with RIFF ... WAVE, found {content[:12]!r}")
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        body = content[at + 8 : at + 8 + size]
        if len(body) < size:
            raise RecordingError(
                f"{path}: cut off: chunk {name.decode('latin-1')!r} must have {size} bytes, found {len(body)}"
            )
        chunks.setdefault(name, body)
        at += 8 + size + size % 2
    return chunks


def _format(path: Path, chunks: Mapping[bytes, bytes]) -> _Format:
    header = chunks.get(b"fmt ", b"")
    if len(header) < 16:
        raise RecordingError(f"{path}: must have a format chunk of 16 bytes or more, found {len(header)}")
    kind, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", header)
    if kind == _EXTENSIBLE and len(header) >= 26:
        (kind,) = struct.unpack_from("<H", header, 24)  # the sub-format begins with the code of old
    known = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
    if bits not in known.get(kind, ()):
        raise RecordingError(
            f"{path}: format {kind} of {bits} bit cannot be read, expected PCM of 8, 16, 24, 32 or float of 32, 64 bit"
        )
    if channels == 0 or rate == 0 or block != channels * bits // 8:
        raise RecordingError(
            f"{path}: format contradicts itself: {channels} channels of {bits} bit at {rate} Hz in blocks of {block}"
        )
    return _Format(kind, channels, rate, bits)
