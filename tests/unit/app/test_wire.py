"""What the worker gets is what the source delivered, to the bit."""

from __future__ import annotations

import io

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


@given(st.data())
def test_a_message_cut_short_is_the_end(data):
    message = wire.pack({"a": 1}, [b"1234"])
    assert wire.read(io.BytesIO(message[: data.draw(st.integers(0, len(message) - 1))])) is None
