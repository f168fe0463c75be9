"""One serial line in simulated time: a waveform leaves others their turns; the plan's bus time is what it takes."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from benchmarks.simulated_time import MemoryLine, run
from sensors.modbus.budget import budget
from sensors.modbus.lines import shared_line
from sensors.modbus.pdu import read_request
from sensors.modbus.source import ModbusSource

ANSWER_S = 5e-3


def wires(settings):
    """A line on which every unit has every register: zeros, and a capture that is ready at once."""

    def react(request):
        function, count = request.pdu[0], int.from_bytes(request.pdu[3:5], "big")
        if request.pdu == read_request("holding", 2, 1):  # the status of the capture
            reply = b"\x03\x02\x00\x02"
        elif function in (3, 4):
            reply = bytes((function, 2 * count)) + bytes(2 * count)
        else:
            reply = request.pdu[:5]
        return [(0.0, settings.framing.frame(request.unit, reply, request.transaction))]

    return MemoryLine(react, settings.byte_s, ANSWER_S)


def test_a_waveform_that_takes_seconds_leaves_the_scalar_polls_their_turns():
    slow = ModbusSource(Path("capture_by_block"), "waveform", "rtu:///dev/memory", 1, poll_s=1.0, baud=115200)
    quick = ModbusSource(Path("banner_qm42vt2"), "scalars", "rtu:///dev/memory", 2, poll_s=0.5, baud=115200)

    async def measure():
        loop, times = asyncio.get_running_loop(), []
        memory = wires(slow.settings)

        async def poll():
            async for _ in quick.frames():
                times.append(loop.time())

        async with shared_line(slow.settings, memory.open):
            polling = asyncio.create_task(poll())
            frames = slow.frames()
            waveforms = []
            for _ in range(3):
                await anext(frames)
                waveforms.append(loop.time())
            await frames.aclose()
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
            return times, waveforms

    times, waveforms = run(measure())
    assert waveforms[0] > 5, "the waveform keeps the line busy for seconds"
    assert np.diff(times).max() < 0.6, "and the other unit is polled all the same"
    assert len(times) >= 0.95 * waveforms[-1] / 0.5


@pytest.mark.parametrize("baud", [9600, 115200])
@pytest.mark.parametrize("scheme", ["rtu", "ascii"])
@pytest.mark.parametrize("profile", ["banner_qm42vt2", "capture_by_block"])
def test_the_bus_time_of_the_plan_is_what_a_cycle_takes(profile, scheme, baud):
    source = ModbusSource(Path(profile), "rig", f"{scheme}:///dev/memory", 1, poll_s=1e-6, timeout_s=1.0, baud=baud)

    async def measure():
        loop = asyncio.get_running_loop()
        memory = wires(source.settings)
        async with shared_line(source.settings, memory.open):
            frames = source.frames()
            await anext(frames)
            began = loop.time()
            await anext(frames)
            took = loop.time() - began
            await frames.aclose()
            return took

    assert run(measure()) == pytest.approx(budget(source).bus_s, rel=0.05)
