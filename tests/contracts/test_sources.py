"""What every source must do, wherever its frames come from."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import entry_points
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sensors import Frame, Source, SourceUnavailable, Waveform
from sensors.framefile import write_frames
from sensors.framerecording import FrameRecordingSource
from sensors.modbus.simulator import serve
from sensors.modbus.source import ModbusSource
from sensors.profilefile import load_profile
from sensors.recording import RecordingSource

LAYOUT = """\
asset = "rig"
[reader]
use = "npz"
[channels.acceleration]
variable = "x"
unit = "g"
[sample_rate]
value = 1000
"""

PROFILE = """\
[device]
name = "rig"
[[register]]
name = "shaft_hz"
address = 10
unit = "Hz"
scale = 0.01
[capture.start]
address = 0
[capture.status]
address = 1
busy = [1]
ready = 2
[[capture.waveform]]
channel = "acceleration"
address = 1000
count = 500
sample_rate = 1000
unit = "g"
scale = 0.001
"""


class Machine:
    def capture(self, wanted):
        return {name: 9.80665 * np.sin(0.1 * np.arange(count)) for name, count in wanted.items()}

    def measure(self, name):
        return 29.5


@dataclass(frozen=True)
class Case:
    """A source in a folder of its own, and what it reads from while it is there.

    live: whether frames come without end, and what serves them can be lost
    """

    build: Callable[[Path], Source]
    available: Callable[[Path, Source], AbstractAsyncContextManager[object]]
    live: bool


def build_modbus(folder: Path) -> Source:
    profile = folder / "rig.toml"
    profile.write_text(PROFILE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return ModbusSource(profile, "rig", f"tcp://127.0.0.1:{port}", poll_s=0.001)


def simulator(folder: Path, source: Source) -> AbstractAsyncContextManager[object]:
    return serve(load_profile(folder / "rig.toml"), Machine(), port=source.settings.port)


def build_recording(folder: Path) -> Source:
    (folder / "layout.toml").write_text(LAYOUT)
    for name in ("a", "b"):
        np.savez(folder / f"{name}.npz", x=np.sin(0.1 * np.arange(1700)))
    return RecordingSource((folder / "*.npz",), folder / "layout.toml", window_s=0.5)


def build_frames(folder: Path) -> Source:
    """Two files of three frames, as `inversion record` writes them."""
    samples = 9.80665 * np.sin(0.1 * np.arange(500))
    for part in ("a", "b"):
        channels = {"acceleration": Waveform(samples, 1000, "m/s2")}
        frames = [Frame("rig", i * 10**9, True, channels, part, position=i) for i in range(3)]
        write_frames(folder / f"rig_{part}.npz", frames)
    return FrameRecordingSource((folder / "*.npz",))


@asynccontextmanager
async def files(folder: Path, source: Source) -> AsyncIterator[None]:
    yield


CASES = {
    "modbus": Case(build_modbus, simulator, live=True),
    "recording": Case(build_recording, files, live=False),
    "frames": Case(build_frames, files, live=False),
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
FRAMES = 6  # of the recordings: two files of three whole windows


async def take(frames: AsyncGenerator[Frame, None], number: int) -> list[Frame]:
    try:
        return [await anext(frames) for _ in range(number)]
    finally:
        await frames.aclose()


async def take_available(case: Case, folder: Path, source: Source, number: int = FRAMES) -> list[Frame]:
    async with case.available(folder, source):
        return await take(source.frames(), number)


def test_every_source_of_ours_is_held_to_this():
    ours = {entry.name for entry in entry_points(group="sensors.source") if entry.value.startswith("sensors.")}
    assert ours == set(CASES)


@cases
def test_it_is_a_frozen_dataclass_whose_fields_are_its_options(case, tmp_path):
    source = case.build(tmp_path)
    assert is_dataclass(source)
    assert type(source).__dataclass_params__.frozen
    assert all(option.init for option in fields(source))


@cases
def test_frames_have_their_stated_rate_unit_and_length(case, tmp_path):
    for frame in asyncio.run(take_available(case, tmp_path, case.build(tmp_path))):
        waveform = frame.channels["acceleration"]
        assert isinstance(frame, Frame)
        assert (frame.asset, waveform.sample_rate, waveform.unit, waveform.samples.size) == ("rig", 1000, "m/s2", 500)
        assert waveform.samples.max() == pytest.approx(9.80665, rel=2e-3)
        assert all(channel.duration_s == pytest.approx(0.5) for channel in frame.channels.values())
        assert frame.source


@cases
def test_frames_come_in_order(case, tmp_path):
    frames = asyncio.run(take_available(case, tmp_path, case.build(tmp_path)))
    assert len(frames) == FRAMES
    for before, after in pairwise(frames):
        if before.source == after.source:
            assert before.start_ns < after.start_ns
    positions = [frame.position for frame in frames]
    assert positions == ([None] * FRAMES if case.live else [0, 1, 2, 0, 1, 2])


@cases
def test_frames_close_cleanly_at_any_time(case, tmp_path):
    async def close():
        source = case.build(tmp_path)
        async with case.available(tmp_path, source):
            for number in range(3):
                frames = source.frames()
                await take(frames, number)
                with pytest.raises(StopAsyncIteration):
                    await anext(frames)
        return asyncio.all_tasks()  # what serves the source has ended too

    assert len(asyncio.run(close())) == 1


@cases
def test_a_cancelled_reader_leaves_the_source_usable(case, tmp_path):
    async def cancel():
        source = case.build(tmp_path)
        async with case.available(tmp_path, source):
            reader = asyncio.create_task(take(source.frames(), 1000))
            first = await take(source.frames(), 1)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            return first + await take(source.frames(), 1)

    assert len(asyncio.run(cancel())) == 2


@cases
def test_the_same_source_starts_again(case, tmp_path):
    async def twice():
        source = case.build(tmp_path)
        return [await take_available(case, tmp_path, source, 2) for _ in range(2)]

    first, second = asyncio.run(twice())
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.channels["acceleration"].samples, other.channels["acceleration"].samples)


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.live])
def test_a_lost_source_says_so_and_works_again_when_it_is_back(case, tmp_path):
    async def lose():
        source = case.build(tmp_path)
        with pytest.raises(SourceUnavailable):
            await take(source.frames(), 1)
        async with case.available(tmp_path, source):
            frames = source.frames()
            await anext(frames)
        with pytest.raises(SourceUnavailable):
            await take(frames, 1)
        return await take_available(case, tmp_path, source, 1)

    assert len(asyncio.run(lose())) == 1
