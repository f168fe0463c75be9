"""Which frames go to the worker together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import numpy as np
import pytest

from inversion.app.acquisition import Acquisition
from inversion.app.intake import Intake
from sensors import Frame, Waveform

LEVEL = {"level": Waveform(np.ones(1, np.float32), 1.0, "Hz")}


@pytest.mark.parametrize(("waiting", "requests"), [(1, [1]), (2, [2]), (8, [8]), (9, [8, 1]), (20, [8, 8, 4])])
def test_all_that_wait_go_in_one_request_but_not_more_than_it_may_hold(waiting: int, requests: list[int]) -> None:
    async def scenario() -> list[list[str]]:
        intake = Intake(None, None, 64)  # type: ignore[arg-type]  # neither is asked for what is live
        for i in range(waiting):
            await intake.put(Frame(f"fan {i}", i, True, LEVEL))
        await intake.end()
        taken = []
        while frames := await intake.take(8):
            taken.append([frame.asset for frame in frames])
        return taken

    taken = asyncio.run(scenario())
    assert [len(each) for each in taken] == requests
    assert [asset for each in taken for asset in each] == [f"fan {i}" for i in range(waiting)]


@pytest.mark.parametrize("sources", [1, 4])
def test_what_sources_have_ready_is_waited_for_as_it_comes_one_by_one(sources: int) -> None:
    """Each window takes some turns of the loop from its source to the queue."""

    async def scenario() -> list[int]:
        intake = Intake(None, None, 64)  # type: ignore[arg-type]
        stop = asyncio.Event()
        acquisitions = [
            Acquisition(f"source.{k}", Ready(k, 8 // sources), intake.put, lambda *told: None, stop, (1.0, 1.0))
            for k in range(sources)
        ]
        bringing = asyncio.gather(*(acquisition.run() for acquisition in acquisitions))
        first = await intake.take(8)
        await bringing
        await intake.end()
        return [len(first), len(await intake.take(8))]

    assert asyncio.run(scenario()) == [8, 0]


def test_a_window_does_not_wait_for_one_that_its_source_has_not_yet() -> None:
    async def scenario() -> int:
        intake = Intake(None, None, 64)  # type: ignore[arg-type]
        await intake.put(Frame("fan", 0, True, LEVEL))
        later = asyncio.get_running_loop().call_later(30.0, intake._queue.put_nowait, None)
        taken = await asyncio.wait_for(intake.take(8), 10.0)
        later.cancel()
        return len(taken)

    assert asyncio.run(scenario()) == 1


@dataclass(frozen=True)
class Ready:
    """A source that has all its windows at once."""

    number: int
    windows: int

    async def frames(self) -> AsyncGenerator[Frame, None]:
        for i in range(self.windows):
            yield Frame(f"fan {self.number}-{i}", i, True, LEVEL)
