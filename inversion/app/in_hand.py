"""Frames in hand: sent to the worker ahead of its answers, dealt with in the order in which they came.

While the worker inverts one request it has the next already, and the gateway judges and journals the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inversion.app.alarms.keeper import DeskKeeper
from inversion.app.clock import Setting
from inversion.app.clock.frames import aligned, settled, sign
from inversion.app.collector import Collector
from inversion.app.intake import Intake
from inversion.app.ledger import Ledger
from inversion.app.observe.tally import Tally
from inversion.app.supervisor import Supervisor
from inversion.app.worker_link import Answer
from sensors import Frame

_AHEAD = 3  # requests in hand: one is inverted, one waits for that, one is dealt with


@dataclass(frozen=True)
class Sent:
    """One request. before: states of its assets; setting: of the clock, as both were told by it"""

    frames: Sequence[Frame]
    before: Mapping[str, Any]
    setting: Setting
    answer: asyncio.Task[Answer]


class InHand:
    """From the intake through the worker to the journal. answered: called for every request that is dealt with.

    An asset has one request in hand at a time: what its next windows meet is the state after those before.
    """

    def __init__(
        self,
        intake: Intake,
        ledger: Ledger,
        supervisor: Supervisor,
        keeper: DeskKeeper,
        collector: Collector,
        tally: Tally,
        answered: Callable[[], None],
    ) -> None:
        self._intake, self._ledger, self._supervisor = intake, ledger, supervisor
        self._keeper, self._collector, self._tally, self._answered = keeper, collector, tally, answered
        self._sent: asyncio.Queue[Sent | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(_AHEAD)
        self._busy: set[str] = set()
        self._freed = asyncio.Event()

    async def run(self) -> None:
        """Until the data end and all of it is journalled."""
        feeding = asyncio.create_task(self._feed())
        sent: Sent | None = None
        try:
            while (sent := await self._sent.get()) is not None:
                await self._deal(sent)
                self._free(sent.frames)
            await feeding
        finally:
            await self._abandon(feeding, sent)

    async def _feed(self) -> None:
        try:
            while True:
                await self._room.acquire()
                if not (frames := await self._intake.take(self._supervisor.at_once)):
                    return
                assets = {frame.asset for frame in frames}
                while assets & self._busy:
                    self._freed.clear()
                    await self._freed.wait()
                self._busy |= assets
                self._sent.put_nowait(self._send(frames))
        finally:
            self._sent.put_nowait(None)

    def _send(self, frames: Sequence[Frame]) -> Sent:
        live = any(frame.position is None for frame in frames)  # a recording's frames wait as long as they like
        setting = self._ledger.setting
        frames, supervisor = settled(frames, setting), self._supervisor
        supervisor.states |= aligned(supervisor.states, frames, setting)
        before = self._collector.before(frames, supervisor.states)
        answer = asyncio.create_task(self._invert(frames, self._intake.filled if live else 0.0))
        return Sent(frames, before, setting, answer)

    async def _invert(self, frames: Sequence[Frame], waiting: float) -> Answer:
        with self._tally.timed("invert"):
            return await self._supervisor.invert(frames, waiting)

    async def _deal(self, sent: Sent) -> None:
        """Judged and journalled before anything is announced."""
        answer = await sent.answer
        sign(answer.states, sent.before, sent.frames, sent.setting)
        with self._tally.timed("judge"):
            changes = await self._keeper.judge(answer.findings, answer.states, answer.fingerprint)
        await self._collector.keep(sent.frames, sent.before, answer.findings, changes, answer.fingerprint)
        for finding in answer.findings:
            self._tally.finding(finding["asset"], finding["fit"]["quality"])
        self._answered()

    def _free(self, frames: Sequence[Frame]) -> None:
        self._intake.dealt(len(frames))
        self._busy -= {frame.asset for frame in frames}
        self._freed.set()
        self._room.release()

    async def _abandon(self, feeding: asyncio.Task[None], sent: Sent | None) -> None:
        """Ends what still runs where this ends before the data do."""
        tasks: list[asyncio.Task[Any]] = [feeding] if sent is None else [feeding, sent.answer]
        while not self._sent.empty():
            if (left := self._sent.get_nowait()) is not None:
                tasks.append(left.answer)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
