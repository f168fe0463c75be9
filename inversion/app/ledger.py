"""The journal as the gateway's tasks use it: from one thread, committed in groups, patient while the disk is full."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

from inversion.app.clock import Clock, Setting
from inversion.app.clock.clock import STEP_NS
from inversion.app.clock.correct import KIND
from inversion.app.clock.telling import setting_record, stamped, worth_saying
from inversion.app.journal import Batch, Event, Journal, JournalUnavailable, Record, Retention
from inversion.app.patience import delays, first_of
from inversion.app.site_options import ENOUGH, LEAST_WAIT_S, MOST_WAIT_S, JournalOptions

_MOST_NOTES = 1000
_MOST_RECORDS = 512  # that wait for the disk before the worker is held back
_FORGET_S = 600.0
_DROPPED_S = 3600.0
#: Of a site that does not say how long findings wait: so long at least and at most, until so many wait together.
_LEAST_S, _MOST_S, _ENOUGH = LEAST_WAIT_S, MOST_WAIT_S, ENOUGH

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("inversion.gateway")


class Ledger:
    """Writes that wait for each other, so that one sync of the disk serves many; what is urgent does not wait.

    commit_s: how long a routine finding waits for others, None: until it is worth a sync, seconds at most;
    state_s: how old the stored track of a live asset may be
    Memory is bounded: `_MOST_RECORDS` wait for the disk, and at most 1,000 notes; older ones are dropped and counted
    in the next that is written.
    """

    def __init__(
        self,
        journal: Journal,
        retry: tuple[float, float],
        clock: Clock,
        commit_s: float | None = None,
        state_s: float = 60.0,
    ) -> None:
        self._journal, self._retry, self._clock = journal, retry, clock
        self._commit_s, self._state_s = commit_s, state_s
        self._thread = ThreadPoolExecutor(1, "journal")
        self._waiting = Batch()
        self._notes = 0
        self._dropped = 0
        self._first = True  # finding since the start: somebody looks for it, so it waits for no others
        self._states: dict[str, Mapping[str, Any]] = {}
        self._stored_s: dict[str, float] = {}
        self._something, self._urgent, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._record, self._enough = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._committed = asyncio.Condition()
        self._puts, self._done = 0, 0
        self._forgot_s = -_FORGET_S
        self._told_s: dict[str, float] = {}
        self.news: list[asyncio.Event] = []
        self._setting: Setting | None = None
        self.steps = 0
        self.stepped: Callable[[int], None] = lambda by_ns: None
        self.counted: Callable[[str], None] = lambda kind: None
        self.took: Callable[[str, float], None] = lambda stage, seconds: None

    def reload(self, options: JournalOptions) -> None:
        """Goes on with changed options; where the journal lies is none of them."""
        self._commit_s, self._state_s = options.commit_s, options.state_s
        self._journal.kept = Retention(options.keep_days, options.most_mb)

    @property
    def setting(self) -> Setting:
        """Of the clock, at this moment."""
        self.now_ns()
        return self._clock.setting

    def now_ns(self) -> int:
        """UTC; what the clock did is told first.

        `stepped` is called with how far it was set (ns), `steps` counts that.
        """
        now_ns, after, before = self._clock.now_ns(), self._clock.setting, self._setting
        if after != before:
            self._setting = after
            record = stamped(setting_record(before, after, now_ns), self._clock)
            if worth_saying(before, after):
                log.info(record.body["text"], extra={"kind": KIND})
            self.counted(str(record.body["kind"]))
            self._waiting.records.append(record)
            self._enough.set()
            step_ns = 0 if before is None else after.offset_ns - before.offset_ns
            if abs(step_ns) > STEP_NS:
                self.steps += 1
                self.stepped(step_ns)
            self._mark()
        return now_ns

    def note(self, kind: str, text: str, asset: str = "") -> None:
        """Logs an event once and journals it soon."""
        now_ns = self.now_ns()
        log.info(text, extra={"kind": kind, "asset": asset})
        self.counted(kind)
        if self._notes == _MOST_NOTES:
            self._dropped += 1
            return
        self._notes += 1
        self._waiting.records.append(stamped(Event(now_ns, kind, text, asset).record(), self._clock))
        self._enough.set()
        self._mark()

    async def put(
        self,
        records: Sequence[Record] = (),
        *,
        states: Mapping[str, Mapping[str, Any]] | None = None,
        fingerprint: str = "",
        cycles: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
        answers: Mapping[int, str] | None = None,
        urgent: bool = False,
    ) -> None:
        """Takes them for the next commit; waits only while too much waits for the disk already.

        urgent: commits at once, with the states as they are; what belongs to a recording keeps its state too
        """
        await self._room.wait()
        self.now_ns()
        batch = self._waiting
        batch.records += [stamped(record, self._clock) for record in records]
        batch.fingerprint = fingerprint or batch.fingerprint
        batch.cycles.update(cycles or {})
        batch.answers.update(answers or {})
        self._states.update(states or {})
        recorded = {str(r.asset) for r in records if r.kind == "finding" and r.body["position"] is not None}
        for asset in states or ():
            if urgent or asset in recorded or self._state_due(asset):
                batch.states[asset] = self._states[asset]
        if len(batch.records) >= _ENOUGH or any(record.kind != "finding" for record in records):
            self._enough.set()
        if len(batch.records) >= _MOST_RECORDS:
            self._room.clear()
            urgent = True
        if self._first and any(record.kind == "finding" for record in records):
            self._first, urgent = False, True
        self._mark(urgent)

    def delivered(self, sink: str, number: int) -> None:
        """This sink has every record up to `number`; stored with what is committed next."""
        self._waiting.cursors[sink] = number
        self._mark()

    async def flush(self) -> None:
        """Returns when all that was taken is on the disk, states included. Raises JournalError."""
        self._waiting.states.update(self._states)
        self._mark(True)
        wanted = self._puts
        async with self._committed:
            await self._committed.wait_for(lambda: self._done >= wanted)

    async def commit_groups(self) -> None:
        """Commits what waits, in groups, until cancelled. Raises JournalError."""
        while True:
            await self._something.wait()
            if not self._urgent.is_set():
                await self._for_others()
            batch, puts = self._taken(), self._puts
            began = time.perf_counter()
            await self._patiently(self._journal.append, batch)
            self.took("commit", time.perf_counter() - began)
            self._tell_dropped()
            for asset in batch.states:
                self._stored_s[asset] = time.monotonic()
            async with self._committed:
                self._done = puts
                self._committed.notify_all()
            if batch.records:
                for event in self.news:
                    event.set()
            await self._forget()

    async def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a method of the journal returns, asked from its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(question, *args, **kwargs))

    def close(self) -> None:
        """Waits for the write in progress."""
        self._thread.shutdown()

    def _mark(self, urgent: bool = False) -> None:
        self._puts += 1
        self._something.set()
        if self._waiting.records:
            self._record.set()
        if urgent:
            self._urgent.set()

    async def _for_others(self) -> None:
        """Returns when what waits is worth a sync of the disk. How far the sinks are waits for the next record."""
        if self._commit_s is not None:
            await self._until(self._commit_s)
            return
        if not self._record.is_set():
            await self._until(_MOST_S, self._record)
        await self._until(_LEAST_S)
        await self._until(_MOST_S - _LEAST_S, self._enough)

    async def _until(self, seconds: float, *events: asyncio.Event) -> None:
        """Returns after this time, or as soon as one of these is set, or something is urgent."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await first_of(self._urgent, *events)

    def _taken(self) -> Batch:
        batch, self._waiting = self._waiting, Batch()
        self._waiting.fingerprint = batch.fingerprint
        if self._dropped:
            text = f"{self._dropped} notes dropped"
            batch.records.append(stamped(Event(self._clock.now_ns(), "notes_dropped", text).record(), self._clock))
        self._notes = self._dropped = 0
        for event in (self._something, self._urgent, self._record, self._enough):
            event.clear()
        self._room.set()
        return batch

    def _state_due(self, asset: str) -> bool:
        return time.monotonic() - self._stored_s.get(asset, -self._state_s) >= self._state_s

    def _tell_dropped(self) -> None:
        """That a sink begins to lose records, and every hour how many it has lost since."""
        for sink, count in list(self._journal.dropped.items()):
            if time.monotonic() - self._told_s.get(sink, -_DROPPED_S) >= _DROPPED_S:
                self._told_s[sink] = time.monotonic()
                del self._journal.dropped[sink]
                told = f"{count} records dropped that it had not taken: the journal has no more room"
                self.note("records_dropped", f"sink {sink}: {told}")

    async def _forget(self) -> None:
        """Now and then what is past its age goes; how old it is only a clock that is trusted tells."""
        if time.monotonic() - self._forgot_s >= _FORGET_S and self._clock.setting.trusted:
            self._forgot_s = time.monotonic()
            await self._patiently(self._journal.forget, self._clock.now_ns())

    async def _patiently(self, write: Callable[..., Any], *args: Any) -> None:
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
