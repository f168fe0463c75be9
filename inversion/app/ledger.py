"""The journal as the gateway's tasks use it: from one thread, patient while the disk is full, with notes aside."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from inversion.app.journal import Event, Journal, JournalUnavailable
from inversion.app.patience import delays

_MOST_NOTES = 1000

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("inversion.gateway")


class Ledger:
    """Writes that wait until they are on the disk; while it is full, what they hold stays in memory.

    Memory is bounded: the gateway has one batch of findings in writing, and at most 1,000 notes; older ones are
    dropped and counted in the next that is written.
    """

    def __init__(self, journal: Journal, retry_s: float, retry_cap_s: float, now_ns: Callable[[], int]) -> None:
        self._journal = journal
        self._retry = (retry_s, retry_cap_s)
        self._now_ns = now_ns
        self._thread = ThreadPoolExecutor(1, "journal")
        self._turn = asyncio.Lock()
        self._notes: deque[Event] = deque(maxlen=_MOST_NOTES)
        self._noted = asyncio.Event()
        self._dropped = 0

    def note(self, kind: str, text: str, asset: str = "") -> None:
        """Logs an event once and journals it soon."""
        log.info(text)
        if len(self._notes) == _MOST_NOTES:
            self._dropped += 1
        self._notes.append(Event(self._now_ns(), kind, text, asset))
        self._noted.set()

    async def store(
        self,
        findings: Sequence[Mapping[str, Any]] = (),
        states: Mapping[str, Any] | None = None,
        fingerprint: str = "",
        events: Sequence[Event] = (),
    ) -> None:
        """Returns when all of it is on the disk, together with the notes so far. Raises JournalError."""
        async with self._turn:
            notes = self._taken()
            await self._patiently(self._journal.append, findings, states, fingerprint, (*notes, *events))

    async def write_notes(self) -> None:
        """Journals notes as they come, until cancelled."""
        while True:
            await self._noted.wait()
            await self.store()

    async def delivered(self, sink: str, number: int) -> None:
        """Returns when it is on the disk that this sink has every finding up to `number`."""
        async with self._turn:
            await self._patiently(self._journal.advance, sink, number)

    async def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a method of the journal returns, asked from its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(question, *args, **kwargs))

    def close(self) -> None:
        """Waits for the write in progress."""
        self._thread.shutdown()

    def _taken(self) -> list[Event]:
        notes, dropped = list(self._notes), self._dropped
        self._notes.clear()
        self._noted.clear()
        self._dropped = 0
        return [*notes, Event(self._now_ns(), "notes_dropped", f"{dropped} notes dropped")] if dropped else notes

    async def _patiently(self, write: Callable[..., None], *args: Any) -> None:
        waiting = False
        for delay_s in delays(*self._retry):
            try:
                await self.ask(write, *args)
            except JournalUnavailable as error:
                if not waiting:
                    log.error("%s; nothing is lost, trying again", error)
                waiting = True
                await asyncio.sleep(delay_s)
                continue
            if waiting:
                self.note("journal_back", f"{self._journal.path}: can be written again")
            return
