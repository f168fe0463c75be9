"""Polls at their times, one frame's worth after the other; some may fail before the device counts as lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from sensors.errors import SourceUnavailable
from sensors.frame import Waveform
from sensors.modbus.acquire import acquire
from sensors.modbus.polled import Poll, window_channels
from sensors.modbus.poller import Poller
from sensors.modbus.port import UnitPort
from sensors.profile import Profile

#: Polls after which requests are planned anew with what they were measured to cost.
_REPLAN_AFTER = 8


class Cycles:
    """The polls of one device. poll_s: from start to start; a cycle that takes longer is followed at once.

    tolerance: polls in a row that may fail; none before one has worked
    clock: UTC, ns; only the start of a frame is read from it, so that a step of it shows in no frame
    """

    def __init__(
        self,
        port: UnitPort,
        poller: Poller,
        profile: Profile,
        poll_s: float,
        tolerance: int,
        clock: Callable[[], int],
    ) -> None:
        self._port, self._poller, self._profile = port, poller, profile
        self._poll_s, self._tolerance, self._clock = poll_s, tolerance, clock
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time()
        self._failed = tolerance  # the first poll may not fail
        self._polls = 0

    async def cycle(self) -> tuple[int, Mapping[str, Waveform]]:
        """Start, UTC ns, and channels of the next cycle that works."""
        while True:
            await self._turn()
            try:
                measured = await acquire(self._port, self._profile, self._poller, self._poll_s, self._clock)
            except SourceUnavailable as problem:
                self._tolerate(problem)
                continue
            self._failed = 0
            return measured.start_ns, measured.channels

    async def window(self, size: int) -> tuple[int, Mapping[str, Waveform]]:
        """Start, UTC ns, and channels of the next `size` polls; what has no answer is said in them."""
        polls: list[Poll] = []
        start_ns = 0
        for number in range(size):
            await self._turn()
            at_s = self._loop.time()
            start_ns = start_ns if number else self._clock()
            try:
                polls.append(Poll(at_s, await self._poller.poll()))
                self._failed = 0
            except SourceUnavailable as problem:
                self._tolerate(problem)
                polls.append(Poll(at_s, None, str(problem)))
        return start_ns, window_channels(self._profile.registers, polls, self._poll_s)

    def _tolerate(self, problem: SourceUnavailable) -> None:
        """Raises the problem again when it was once too often."""
        if self._failed >= self._tolerance:
            raise problem
        self._failed += 1

    async def _turn(self) -> None:
        """Waits until the next poll is due."""
        now = self._loop.time()
        if now < self._due:
            await asyncio.sleep(self._due - now)
            now = self._loop.time()
        self._due = max(self._due + self._poll_s, now)
        self._polls += 1
        if self._polls == _REPLAN_AFTER:
            self._poller.replan(self._port.cost())
