"""200 real losses each: a server that restarts, a cable that is pulled. Polling resumes, and nothing is left behind."""

import asyncio
import os
import threading

import pytest
from modbus_rig import PROFILE, Machine

from sensors import SourceUnavailable
from sensors.modbus.faults import Restart
from sensors.modbus.simulator import serve, serve_serial
from sensors.modbus.source import ModbusSource
from sensors.profilefile import load_profile

CYCLES = 200


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "rig.toml"
    file.write_text(PROFILE)
    return file


def held():
    """File descriptors, threads and tasks."""
    return len(os.listdir("/proc/self/fd")), threading.active_count(), len(asyncio.all_tasks())  # noqa: PTH208


async def resumed(source, losses, most_s=5.0):
    """Frames until one comes, however often the device is not there; how often it was lost."""
    async with asyncio.timeout(most_s):
        while True:
            frames = source.frames()
            try:
                return await anext(frames), frames
            except SourceUnavailable:
                losses.append(1)
                await frames.aclose()
                await asyncio.sleep(0.002)


def test_a_server_that_restarts(path):
    def misbehave(request):
        return Restart(0.005) if request.number % 10 == 0 else None

    async def cycles():
        losses, seen = [], []
        async with serve(load_profile(path), Machine(), misbehave=misbehave) as device:
            source = ModbusSource(path, "fan", device.line, poll_s=0.001, timeout_s=0.2)
            while len(losses) < CYCLES:
                _, frames = await resumed(source, losses)
                try:
                    async for _ in frames:
                        pass
                except SourceUnavailable:
                    losses.append(1)
                if len(losses) >= 20:
                    seen.append(held())
        return seen

    seen = asyncio.run(cycles())
    for first, last in zip(seen[0], seen[-1], strict=True):
        assert last <= first + 2, (seen[0], seen[-1])


def test_a_cable_that_is_pulled(path, tmp_path):
    link = tmp_path / "port"

    async def cycles():
        losses, seen = [], []
        source = ModbusSource(path, "fan", f"rtu://{link}", poll_s=0.001, timeout_s=0.1, baud=115200)
        for cycle in range(CYCLES):
            async with serve_serial({1: (load_profile(path), Machine())}) as line:
                link.symlink_to(line.partition("://")[2])
                _, frames = await resumed(source, losses)
            link.unlink()
            with pytest.raises(SourceUnavailable, match=r"the serial port|no answer within"):
                async for _ in frames:
                    pass
            if cycle in (20, CYCLES - 1):
                seen.append(held())
        return seen

    seen = asyncio.run(cycles())
    for first, last in zip(seen[0], seen[-1], strict=True):
        assert last <= first + 1, seen
