"""After every kind of loss polling resumes by itself, within the longest back-off, and nothing is left behind."""

import asyncio
from pathlib import Path

import pytest

from benchmarks.simulated_time import MemoryLine, run
from inversion.app.acquisition import Acquisition
from sensors.modbus.answering import answer
from sensors.modbus.lines import shared_line
from sensors.modbus.simulator import SimulatedRegisters
from sensors.modbus.source import ModbusSource
from sensors.profilefile import load_profile

RETRY_S = (1.0, 60.0)
PROFILE = Path("banner_qm42vt2")


class Still:
    def capture(self, wanted):
        raise AssertionError("this device has no waveform")

    def measure(self, name):
        return 293.15 if name == "temperature" else 0.0


class World:
    """A device behind a line, and what is wrong with it now."""

    def __init__(self, settings):
        self.framing = settings.framing
        self.registers = SimulatedRegisters(load_profile(PROFILE), Still())
        self.state = "up"
        self.memory = MemoryLine(self.react, settings.byte_s)

    def react(self, request):
        if self.state == "up":
            reply = answer(request.pdu, self.registers)
            return [(0.0, self.framing.frame(request.unit, reply, request.transaction))]
        if self.state == "restart":
            self.memory.refuse = True
            return "reset"
        return None if self.state == "silent" else self.state

    def mend(self):
        self.state, self.memory.refuse = "up", False


@pytest.mark.parametrize(
    ("line", "state", "lasts_s", "cycles"),
    [
        ("tcp://device:502", "reset", 0.5, 200),
        ("tcp://device:502", "half-open", 5.0, 200),
        ("tcp://device:502", "silent", 600.0, 200),
        ("tcp://device:502", "restart", 120.0, 200),
        ("rtu+tcp://device:4001", "half-open", 5.0, 200),
        ("rtu:///dev/memory", "silent", 600.0, 200),  # a cable that is pulled
    ],
)
def test_polling_resumes_within_the_longest_back_off(line, state, lasts_s, cycles):
    source = ModbusSource(PROFILE, "fan", line, timeout_s=0.5)

    async def measure():
        loop, stop, arrived = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        notes, waits, tasks = [], [], set()
        world = World(source.settings)

        async def put(frame):
            arrived.set()

        async with shared_line(source.settings, world.memory.open):
            work = Acquisition("fan", source, put, lambda kind, text: notes.append(kind), stop, RETRY_S)
            polling = asyncio.create_task(work.run())
            for _ in range(cycles):
                arrived.clear()
                await arrived.wait()
                world.state = state
                await asyncio.sleep(lasts_s)
                world.mend()
                arrived.clear()
                mended = loop.time()
                await arrived.wait()
                waits.append(loop.time() - mended)
                tasks.add(len(asyncio.all_tasks()))
            stop.set()
            assert await polling
        return notes, waits, tasks

    notes, waits, tasks = run(measure())
    assert max(waits) <= RETRY_S[1] + 4 * source.timeout_s + source.poll_s
    assert len(tasks) <= 3, f"tasks pile up: {tasks}"
    assert max(tasks) <= 6
    if lasts_s > source.poll_s + source.timeout_s:
        assert [note for note in notes if note.startswith("source_")] == ["source_gone", "source_back"] * cycles
