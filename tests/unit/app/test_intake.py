"""Which frames go to the worker together."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

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
