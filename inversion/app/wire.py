"""What passes between the gateway and its worker: messages of a header and raw samples. Never pickle.

A message is two unsigned 32-bit lengths (header, samples; big-endian), the header, and the samples of every waveform in
the header's order, float32, little-endian. The header is MessagePack between processes, in less than half of the time
that JSON takes, and JSON in files, which outlive a version.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import IO, TYPE_CHECKING, Any

import msgpack
import numpy as np

from sensors import Frame, Quality, Waveform

if TYPE_CHECKING:  # a worker that is started does without
    from asyncio import StreamReader

_LENGTHS = struct.Struct(">II")
_SAMPLE = np.dtype("<f4")
_FILE_NAMES = "surrogatepass"  # some are no Unicode
_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def pack(header: Mapping[str, Any], samples: Sequence[bytes] = ()) -> bytes:
    """One message to another process. header: plain data as JSON has it, integers of 64 bits"""
    return _joined(msgpack.packb(header, unicode_errors=_FILE_NAMES), samples)


def read(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next message of a blocking stream, None at its end."""
    return _read(stream, _header)


def pack_file(header: Mapping[str, Any], samples: Sequence[bytes]) -> bytes:
    """One message that is a file."""
    return _joined(_ENCODER.encode(header).encode(), samples)


def read_file(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The message in a file, None where it is cut. Raises ValueError where its header is no JSON."""
    return _read(stream, json.loads)


async def receive(stream: StreamReader) -> dict[str, Any] | None:
    """The header of the next message, None at the end of the stream."""
    try:
        header, samples = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
        text = await stream.readexactly(header)
        await stream.readexactly(samples)
    except EOFError:
        return None
    return _header(text)


def pack_frames(frames: Sequence[Frame], states: Mapping[str, Any], waiting: float = 0.0) -> bytes:
    """A request: these frames, the states of their assets before them, and what share of the queue is filled."""
    header, samples = frames_message(frames, states)
    return pack({**header, "waiting": waiting}, samples)


def frames_message(frames: Sequence[Frame], states: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Header and samples of these frames, and the states of their assets before them."""
    waveforms = (waveform for frame in frames for waveform in frame.channels.values())
    samples = [waveform.samples.astype(_SAMPLE, copy=False).tobytes() for waveform in waveforms]
    return {"frames": [_frame_header(frame) for frame in frames], "states": states}, samples


def unpack_frames(header: Mapping[str, Any], payload: bytes) -> list[Frame]:
    """The frames of a request."""
    samples, sizes = np.frombuffer(payload, _SAMPLE), [0]
    sizes += [channel["n"] for frame in header["frames"] for channel in frame["channels"]]
    pieces = (samples[start:end] for start, end in pairwise(accumulate(sizes)))
    return [_frame(frame, pieces) for frame in header["frames"]]


def _joined(header: bytes, samples: Sequence[bytes]) -> bytes:
    return b"".join((_LENGTHS.pack(len(header), sum(map(len, samples))), header, *samples))


def _read(stream: IO[bytes], decode: Callable[[bytes], dict[str, Any]]) -> tuple[dict[str, Any], bytes] | None:
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header, samples = _LENGTHS.unpack(lengths)
    text, payload = stream.read(header), stream.read(samples)
    return (decode(text), payload) if len(payload) == samples and len(text) == header else None


def _header(packed: bytes) -> dict[str, Any]:
    unpacked: dict[str, Any] = msgpack.unpackb(packed, unicode_errors=_FILE_NAMES)
    return unpacked


def _frame_header(frame: Frame) -> dict[str, Any]:
    channels = [
        {
            "name": name,
            "n": waveform.samples.size,
            "sample_rate": waveform.sample_rate,
            "unit": waveform.unit,
            "quality": int(waveform.quality),
            "reason": waveform.reason,
        }
        for name, waveform in frame.channels.items()
    ]
    return {
        "asset": frame.asset,
        "start_ns": frame.start_ns,
        "clock_trusted": frame.clock_trusted,
        "source": frame.source,
        "position": frame.position,
        "monotonic_ns": frame.monotonic_ns,
        "channels": channels,
    }


def _frame(header: Mapping[str, Any], pieces: Iterator[Any]) -> Frame:
    channels = {
        channel["name"]: Waveform(
            next(pieces), channel["sample_rate"], channel["unit"], Quality(channel["quality"]), channel["reason"]
        )
        for channel in header["channels"]
    }
    plain = ("asset", "start_ns", "clock_trusted", "source", "position")
    return Frame(channels=channels, monotonic_ns=header.get("monotonic_ns"), **{name: header[name] for name in plain})
