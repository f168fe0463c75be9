"""From a source to the queue: lost devices are tried again here and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any

from inversion.app.last_resort import attempt, reason
from inversion.app.patience import delays, pause
from sensors import DecodeError, Frame, RecordingError, SensorError, Source, SourceUnavailable
from sensors.source import Counting, Learning

log = logging.getLogger("inversion.gateway")

#: Share by which chance shortens a wait.
_JITTER = 0.2
#: Kind of the events that keep what a source learned of its device.
_LEARNED = "learned"

Note = Callable[[str, str], None]


class Acquisition:
    """Brings the frames of one source to `put`, until the data end, the source fails for good, or a stop.

    retry: first and longest wait before a lost source is asked again, s
    """

    def __init__(
        self,
        name: str,
        source: Source,
        put: Callable[[Frame], Awaitable[None]],
        note: Note,
        stop: asyncio.Event,
        retry: tuple[float, float],
    ) -> None:
        self._name, self._source, self._put, self._note, self._stop = name, source, put, note, stop
        self._retry = retry
        self._learning = source if isinstance(source, Learning) else None  # asked for every frame, it takes 60 us
        self._waits = delays(*retry)
        self._gone = False
        self._told: set[str] = set()
        self._chance = random.Random(name)  # sources that were lost together do not come back in step

    @property
    def name(self) -> str:
        """As the events name it."""
        return self._name

    @property
    def waits(self) -> bool:
        """Whether its source is gone, and is asked again from time to time."""
        return self._gone

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """How often what happened to the requests of its source, by asset and kind; empty where it does not count."""
        if not isinstance(self._source, Counting):
            return {}
        return {(self._asset, kind): number for kind, number in self._source.counts.items()}

    @property
    def _asset(self) -> str:
        return str(getattr(self._source, "asset", self._name))

    async def run(self) -> bool:
        """Whether the source ended well (the data ended, or a stop), rather than failed."""
        try:
            return await self._bring()
        finally:
            if self.counts:
                told = ", ".join(f"{number} {kind}" for (_, kind), number in self.counts.items())
                self._note("counted", f"{self._asset}: {told}")

    async def _bring(self) -> bool:
        while not self._stop.is_set():
            error = await attempt(self._pass_on())
            if error is None:
                return True
            if not isinstance(error, (SourceUnavailable, DecodeError)):
                self._fail(error)
                return False
            if not self._gone:
                self._gone = True
                self._note("source_gone", f"{self._name}: gone: {reason(error)}; trying again")
            # a device may be swapped or set right, so what contradicts its profile is tried again too, but slowly
            wait_s = next(self._waits) if isinstance(error, SourceUnavailable) else self._retry[1]
            await pause(wait_s * (1 - _JITTER * self._chance.random()), self._stop)
        return True

    async def _pass_on(self) -> None:
        windows: dict[tuple[str, str], int] = {}
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            async with aclosing(self._source.frames()) as frames:
                while (frame := await self._next(frames, stopped)) is not None:
                    self._arrived()
                    self._tell_lessons()
                    _refuse_repeated(windows, frame)
                    await self._put(frame)
        finally:
            stopped.cancel()

    async def _next(self, frames: AsyncGenerator[Frame, None], stopped: asyncio.Future[Any]) -> Frame | None:
        """The next frame, None at the end of the data or at a stop; a frame that has arrived is never dropped."""
        if self._stop.is_set():
            return None
        coming = asyncio.ensure_future(anext(frames, None))
        try:
            await asyncio.wait((coming, stopped), return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else None
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.wait((coming,))

    def _arrived(self) -> None:
        if self._gone:
            self._gone = False
            self._waits = delays(*self._retry)
            self._note("source_back", f"{self._name}: back")

    def recall(self, events: Iterable[tuple[str, str]]) -> None:
        """Gives the source back what it learned before a restart. events: kind and text, as they were noted."""
        if self._learning is not None:
            told = lessons_of(self._asset, events)
            self._learning.recall(told)
            self._told.update(told)

    def _tell_lessons(self) -> None:
        if self._learning is not None:
            for lesson in self._learning.lessons:
                if lesson not in self._told:
                    self._told.add(lesson)
                    self._note(_LEARNED, f"{self._asset}: {lesson}")

    def _fail(self, error: Exception) -> None:
        self._note("source_failed", f"{self._name}: stopped: {reason(error)}")
        if not isinstance(error, SensorError):
            log.debug("%s", self._name, exc_info=error)


def lessons_of(asset: str, events: Iterable[tuple[str, str]]) -> list[str]:
    """What was learned of the device of an asset, from events as they were noted: kind and text."""
    begin = f"{asset}: "
    return [text.removeprefix(begin) for kind, text in events if kind == _LEARNED and text.startswith(begin)]


def _refuse_repeated(windows: dict[tuple[str, str], int], frame: Frame) -> None:
    """A window is known by asset, recording and position; recordings that share a name would hide each other."""
    if frame.position is None:
        return
    key = (frame.asset, frame.source)
    if frame.position <= windows.get(key, -1):
        raise RecordingError(
            f"{frame.asset}: two recordings are named {frame.source!r}; give them assets or names that differ"
        )
    windows[key] = frame.position
