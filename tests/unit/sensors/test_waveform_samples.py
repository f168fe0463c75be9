"""Law: nobody can change the samples of a waveform, and none are copied that nobody could change anyway."""

from __future__ import annotations

import numpy as np
import pytest

from sensors import Waveform

VALUES = np.arange(4, dtype=np.float32)


def test_samples_that_somebody_may_change_are_copied() -> None:
    mine = VALUES.copy()
    view = mine[1:]
    view.setflags(write=False)  # it cannot be written to, `mine` can
    waveforms = [Waveform(each, 1.0, "Hz") for each in (mine[1:], view, np.frombuffer(bytearray(mine), np.float32)[1:])]
    mine[:] = 7
    assert all(waveform.samples.tolist() == [1, 2, 3] for waveform in waveforms)


@pytest.mark.parametrize("offset", [0, 4, 3])
def test_samples_that_lie_in_bytes_are_there_and_read_only(offset: int) -> None:
    data = bytes(offset) + VALUES.tobytes()
    given = np.frombuffer(data, "<f4", offset=offset)[1:]
    waveform = Waveform(given, 1.0, "Hz")
    assert waveform.samples.tolist() == [1, 2, 3]
    assert np.shares_memory(waveform.samples, given) == (offset % 4 == 0)  # else it is no array that is quick to read
    with pytest.raises(ValueError, match="read-only"):
        waveform.samples[0] = 1
