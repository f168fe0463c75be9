"""Whose turn it is on a line: in order of arrival, and those that were silent last time do not hold up the others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: While others wait, units that were silent may take one part of the line's time in so many.
_PARTS = 5

Waiting = deque[asyncio.Future[None]]


class Turns:
    """A lock with two queues, each in order of arrival.

    The queue of silent units comes when nobody else waits, or when the others have had four times what silent units
    took since; so a line with many dead units serves the healthy ones, and dead ones come back as soon as they answer.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._taken = False
        self._others: Waiting = deque()
        self._silent: Waiting = deque()
        self._ahead_s = 0.0  # what the others may take before a silent unit comes again

    @asynccontextmanager
    async def turn(self, silent: bool) -> AsyncIterator[None]:
        """One turn. silent: whether it is for a unit that did not answer last time."""
        await self._wait(self._silent if silent else self._others)
        began = self._loop.time()
        try:
            yield
        finally:
            took_s = self._loop.time() - began
            self._ahead_s = (_PARTS - 1) * took_s if silent else max(0.0, self._ahead_s - took_s)
            self._pass_on()

    async def _wait(self, queue: Waiting) -> None:
        if not self._taken:
            self._taken = True
            return
        turn = self._loop.create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in queue:
                queue.remove(turn)
            elif not turn.cancelled():  # the turn had come already
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        for queue in (self._others, self._silent) if self._ahead_s > 0 else (self._silent, self._others):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._taken = False
