"""From the sources to the worker: a bounded queue, every window of a recording once, and when who was heard of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from inversion.app.journal import Journal
from inversion.app.ledger import Ledger
from sensors import Frame

_TURNS = 8  # of the loop in which nothing came: a source that has more ready brings it in half as many


class Intake:
    """heard: monotonic ns at which a frame of an asset came last, or since when it is awaited; awaited: none came."""

    def __init__(self, journal: Journal, ledger: Ledger, most: int) -> None:
        self._journal, self._ledger = journal, ledger
        self._queue: asyncio.Queue[Frame | None] = asyncio.Queue(most)
        self._positions: dict[tuple[str, str], int] = {}
        self.heard: dict[str, int] = {}
        self.awaited: set[str] = set()
        self._taken = 0
        self.counted: Callable[[str], None] = lambda asset: None

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return self._queue.qsize()

    @property
    def in_hand(self) -> bool:
        """Whether frames were taken that nobody has dealt with yet."""
        return self._taken > 0

    @property
    def filled(self) -> float:
        """Share of the queue that is filled."""
        return self._queue.qsize() / self._queue.maxsize

    def expect(self, assets: Iterable[str]) -> None:
        """Awaits these assets from now on, where they were not heard of, and are not awaited."""
        new = [asset for asset in assets if asset not in self.heard]
        self.heard.update(dict.fromkeys(new, time.monotonic_ns()))
        self.awaited.update(new)

    async def put(self, frame: Frame) -> None:
        """Queues a frame, unless this window of the recording is journalled, or was queued, already."""
        self.heard[frame.asset] = time.monotonic_ns()
        self.awaited.discard(frame.asset)
        self.counted(frame.asset)
        if frame.position is not None:
            key = (frame.asset, frame.source)
            if key not in self._positions:
                last = await self._ledger.ask(self._journal.last_position, *key)
                self._positions[key] = -1 if last is None else last
            if frame.position <= self._positions[key]:
                return
            self._positions[key] = frame.position
        await self._queue.put(frame)

    async def end(self) -> None:
        """No frame will follow."""
        await self._queue.put(None)

    async def take(self, most: int) -> list[Frame]:
        """The next frames for one request: all that are there, up to `most`, at least one; none at the end of the data.

        Together they cost the worker less than one by one, and the last of them is answered sooner. What a source has
        ready is waited for, as it comes one by one: not for longer than the loop takes to look a few times.
        """
        frames = [] if (first := await self._queue.get()) is None else [first]
        await self._come(most - len(frames))
        while frames and len(frames) < most and not self._queue.empty():
            following = self._queue.get_nowait()
            if following is None:
                self._queue.put_nowait(None)  # for the next call
                break
            frames.append(following)
        self._taken += len(frames)
        return frames

    async def _come(self, most: int) -> None:
        """Returns when so many frames wait, or no more came for some turns of the loop."""
        turns = 0
        while turns < _TURNS and (before := self._queue.qsize()) < most:
            await asyncio.sleep(0)
            turns = 0 if self._queue.qsize() > before else turns + 1

    def dealt(self, frames: int) -> None:
        """So many of those that were taken are journalled, or given up."""
        self._taken -= frames
