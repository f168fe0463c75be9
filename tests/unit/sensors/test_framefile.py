"""Recorded frames come back exactly, and whatever else a file holds is one line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors import Frame, Quality, RecordingError, Waveform
from sensors.framefile import read_frames, write_frames


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**62), 2**62),
            st.booleans(),
            st.lists(st.floats(width=32), min_size=1, max_size=5),
            st.sampled_from(list(Quality)),
            st.text(max_size=10),
        ),
        max_size=4,
    )
)
def test_frames_come_back_to_the_bit(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("frames") / "rig.npz"
    frames = [
        Frame("fan ü", start, trusted, {"x": Waveform(np.array(samples), 1 / 3, "Hz", quality, reason)}, "here")
        for start, trusted, samples, quality, reason in made
    ]
    write_frames(path, frames)
    for back, frame in zip(read_frames(path), frames, strict=True):
        assert (back.asset, back.start_ns, back.clock_trusted, back.source, back.position) == (
            frame.asset,
            frame.start_ns,
            frame.clock_trusted,
            frame.source,
            frame.position,
        )
        one, other = back.channels["x"], frame.channels["x"]
        assert one.samples.tobytes() == other.samples.tobytes()
        assert (one.sample_rate, one.unit, one.quality, one.reason) == (1 / 3, "Hz", other.quality, other.reason)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a recording", None])
def test_another_file_is_one_line(tmp_path, content):
    path = tmp_path / "x.npz"
    if content is None:
        np.savez(path, x=np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"x\.npz: ") as caught:
        read_frames(path)
    assert "\n" not in str(caught.value)
