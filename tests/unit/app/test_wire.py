"""What the worker gets is what the source delivered, to the bit."""

from __future__ import annotations

import io
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inversion.app import wire
from sensors import Frame, Quality, Waveform

samples = hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(width=32))
waveforms = st.builds(
    Waveform,
    samples=samples,
    sample_rate=st.floats(1e-3, 1e6),
    unit=st.sampled_from(["m/s2", "Hz", "1"]),
    quality=st.sampled_from(list(Quality)),
    reason=st.text(max_size=20),
)
frames = st.builds(
    Frame,
    asset=st.text(min_size=1, max_size=10),
    start_ns=st.integers(0, 2**62),
    clock_trusted=st.booleans(),
    channels=st.dictionaries(st.text(max_size=10), waveforms, min_size=1, max_size=4),
    source=st.text(max_size=10),
    position=st.none() | st.integers(0, 2**31),
    monotonic_ns=st.none() | st.integers(0, 2**62),
)


def same(a: Frame, b: Frame) -> bool:
    plain = ("asset", "start_ns", "clock_trusted", "source", "position", "monotonic_ns")
    return all(getattr(a, name) == getattr(b, name) for name in plain) and all(
        x.samples.tobytes() == y.samples.tobytes()
        and (x.sample_rate, x.unit, x.quality, x.reason) == (y.sample_rate, y.unit, y.quality, y.reason)
        for x, y in zip(a.channels.values(), b.channels.values(), strict=True)
    )


@given(st.lists(frames, min_size=1, max_size=4))
def test_frames_survive_the_wire(sent):
    stream = io.BytesIO(wire.pack_frames(sent, {"a": {"x": 0.1}}))
    header, payload = wire.read(stream)
    assert header["states"] == {"a": {"x": 0.1}}
    received = wire.unpack_frames(header, payload)
    assert [list(frame.channels) for frame in received] == [list(frame.channels) for frame in sent]
    assert all(same(a, b) for a, b in zip(sent, received, strict=True))
    assert wire.read(stream) is None


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=[]), max_size=10),  # lone surrogates: file names that are no Unicode
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), plain, max_size=4), st.sampled_from(["process", "file"]))
def test_plain_data_survive_to_the_bit(header, way):
    pack, read = (wire.pack, wire.read) if way == "process" else (wire.pack_file, wire.read_file)
    received, payload = read(io.BytesIO(pack(header, [b"12", b"3456"])))
    assert repr(received) == repr(header)  # tells -0.0 from 0.0
    assert payload == b"123456"


def test_what_is_no_number_stays_so():
    received, _ = wire.read(io.BytesIO(wire.pack({"a": float("nan"), "b": [float("-inf"), (1, 2)]})))
    assert math.isnan(received["a"])
    assert received["b"] == [-math.inf, [1, 2]]


@given(st.data())
def test_a_message_cut_short_is_the_end(data):
    message = wire.pack({"a": 1}, [b"1234"])
    assert wire.read(io.BytesIO(message[: data.draw(st.integers(0, len(message) - 1))])) is None
