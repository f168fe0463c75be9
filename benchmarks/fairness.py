"""What dead and dripping devices cost their neighbors, in simulated time.

    python -m benchmarks.fairness [--minutes 30]

32 units on one serial line (57,600 baud, each polled every 2 s) and 32 TCP devices (every second), polled as the
gateway does. A quarter is bad: of these, half never answer (over TCP: no connection), half answer byte by byte, far too
slowly.
Bars: every healthy one keeps at least 95 % of its poll rate; a dead one costs at most one time-out a back-off period.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.simulated_time import MemoryLine, run
from inversion.app.acquisition import Acquisition
from sensors import Frame
from sensors.modbus.answering import answer
from sensors.modbus.faults import Pieces, dripping
from sensors.modbus.framing import Framing, Request
from sensors.modbus.line import Line
from sensors.modbus.lines import shared_line
from sensors.modbus.simulator import SimulatedRegisters
from sensors.modbus.source import ModbusSource
from sensors.profilefile import load_profile

UNITS = 32
RETRY_S = (1.0, 60.0)
TIMEOUT_S = 0.3
DRIP_S = 0.1  # a byte
PROFILE = Path("wtvb02")


@dataclass
class Fairness:
    """Share of its poll rate that each healthy device kept, and what the bad ones cost.

    timeouts: of dead devices; periods: back-off periods that they had
    """

    kept: dict[str, float]
    timeouts: int
    periods: int


class Still:
    """A machine at rest."""

    def capture(self, wanted: object) -> Any:
        raise AssertionError("this device has no waveform")

    def measure(self, name: str) -> float:
        return 293.15 if name == "temperature" else 0.0


def _react(bad: Callable[[int], str], framing: Framing) -> Callable[[Request], Pieces | None]:
    registers = SimulatedRegisters(load_profile(PROFILE), Still())

    def react(request: Request) -> Pieces | None:
        how = bad(request.unit)
        if how == "dead":
            return None
        reply = answer(request.pdu, registers)
        if how == "drip":
            return dripping(DRIP_S).pieces(request, reply, framing)
        return [(0.0, framing.frame(request.unit, reply, request.transaction))]

    return react


def _how(number: int) -> str:
    """Every fourth is bad; of these, every second is dead."""
    return "healthy" if number % 4 else "drip" if number % 8 else "dead"


async def _serial(stack: AsyncExitStack, units: int) -> tuple[list[ModbusSource], list[Line]]:
    sources = [
        ModbusSource(
            PROFILE, f"u{i}", "rtu:///dev/memory", i + 1, poll_s=2.0, timeout_s=TIMEOUT_S, tolerance=3, baud=57600
        )
        for i in range(units)
    ]
    settings = sources[0].settings
    memory = MemoryLine(_react(lambda unit: _how(unit - 1), settings.framing), settings.byte_s, answer_s=5e-3)
    return sources, [await stack.enter_async_context(shared_line(settings, memory.open))]


async def _network(stack: AsyncExitStack, units: int) -> tuple[list[ModbusSource], list[Line]]:
    sources, lines = [], []
    for i in range(units):
        source = ModbusSource(PROFILE, f"t{i}", f"tcp://device{i}:502", poll_s=1.0, timeout_s=TIMEOUT_S, tolerance=3)
        how = _how(i)
        react = _react(lambda unit, how=how: how, source.settings.framing)
        memory = MemoryLine(react, refuse=how == "dead")
        lines.append(await stack.enter_async_context(shared_line(source.settings, memory.open)))
        sources.append(source)
    return sources, lines


async def _measure(minutes: float, units: int) -> dict[str, Fairness]:
    async with AsyncExitStack() as stack:
        built = {"serial": await _serial(stack, units), "network": await _network(stack, units)}
        frames: Counter[str] = Counter()
        attempts: Counter[str] = Counter()
        stop = asyncio.Event()

        async def put(frame: Frame) -> None:
            frames[frame.asset] += 1

        tasks = []
        for sources, _ in built.values():
            for source in sources:
                counted = _Counted(source, attempts)
                work = Acquisition(source.asset, counted, put, lambda kind, text: None, stop, RETRY_S)
                tasks.append(asyncio.create_task(work.run()))
        await asyncio.sleep(60 * minutes)
        found = {name: _fairness(sources, lines, frames, attempts, minutes) for name, (sources, lines) in built.items()}
        stop.set()
        await asyncio.gather(*tasks)
        return found


class _Counted:
    """A source that says how often it was started."""

    def __init__(self, source: ModbusSource, attempts: Counter[str]) -> None:
        self._source, self._attempts = source, attempts

    def frames(self) -> Any:
        self._attempts[self._source.asset] += 1
        return self._source.frames()


def _fairness(
    sources: list[ModbusSource], lines: list[Line], frames: Counter[str], attempts: Counter[str], minutes: float
) -> Fairness:
    healthy = [source for i, source in enumerate(sources) if _how(i) == "healthy"]
    dead = [source for i, source in enumerate(sources) if _how(i) == "dead"]
    kept = {source.asset: frames[source.asset] / (60 * minutes / source.poll_s) for source in healthy}
    if len(lines) == 1:  # the line does not say whose time-outs they are; one attempt makes one request
        timeouts = sum(lines[0].counts_of[source.unit_id]["time-outs"] for source in dead)
    else:
        timeouts = sum(line.counts["not connected"] for i, line in enumerate(lines) if _how(i) == "dead")
    return Fairness(kept, timeouts, sum(attempts[source.asset] for source in dead))


def fairness(minutes: float, units: int = UNITS) -> dict[str, Fairness]:
    """So many minutes of polling, in simulated time. units: on the serial line, and as many TCP devices."""
    found: dict[str, Fairness] = run(_measure(minutes, units))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    for name, found in fairness(parser.parse_args().minutes).items():
        worst = min(found.kept, key=found.kept.__getitem__)
        mean = sum(found.kept.values()) / len(found.kept)
        print(
            f"{name}: {len(found.kept)} healthy devices keep {100 * mean:.1f} % of their poll rate, the worst "
            f"({worst}) {100 * found.kept[worst]:.1f} %; dead ones: {found.timeouts} time-outs in {found.periods} "
            f"back-off periods"
        )


if __name__ == "__main__":
    main()
