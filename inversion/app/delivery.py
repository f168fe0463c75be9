"""From the journal to a sink: every finding at least once, in order; a dead sink never slows another."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from inversion.app.journal import KINDS, Entry, Journal
from inversion.app.last_resort import attempt, reason
from inversion.app.ledger import Ledger
from inversion.app.patience import Later, TooMuch, delays, first_of, within
from inversion.core import Sink

_MOST = 256  # findings in one delivery
_CUT_OFF = (TimeoutError, ConnectionResetError, BrokenPipeError)  # amid what may have been too much

log = logging.getLogger("inversion.gateway")


@runtime_checkable
class ClosingSink(Protocol):
    """A sink that holds something (a terminal, a connection) and is told when the gateway ends."""

    async def close(self) -> None:
        """Lets go of it. May raise; the gateway ends all the same."""
        ...


@runtime_checkable
class RecordSink(Protocol):
    """A sink that wants alarms and events too, and the names that tell what came twice."""

    async def write_records(self, entries: Sequence[Entry]) -> None:
        """Deliver records, in order. Raises on failure; the gateway retries and counts."""
        ...


@runtime_checkable
class ServingSink(Protocol):
    """A sink that is asked (a server): it listens from the start, and is told how everything stood before."""

    async def open(self, last: Sequence[Entry], cycles: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Begins. last: newest finding of every asset; cycles: life cycle by (asset, alarm). May raise: tried again."""
        ...


@runtime_checkable
class ChoosySink(Protocol):
    """A sink that wants records of some kinds only, so that many others do not stand between them."""

    @property
    def wants(self) -> tuple[str, ...]:
        """Some of "finding", "alarm", "event"."""
        ...


class Delivery:
    """Brings one sink what it lacks, from its cursor on, and waits for news.

    retry: first and longest wait before a failed delivery is tried again, s
    timeout_s: a delivery that lasts longer has failed; half as much is tried then, or where a destination takes less
    """

    def __init__(
        self, name: str, sink: Sink, journal: Journal, ledger: Ledger, retry: tuple[float, float], timeout_s: float
    ) -> None:
        self._name, self._sink, self._journal, self._ledger = name, sink, journal, ledger
        self._retry, self._timeout_s = retry, timeout_s
        self._most = self._ceiling = _MOST
        self._took_s = 0.0
        self.news = asyncio.Event()
        self._retired = asyncio.Event()

    def serves(self, sink: Sink | None) -> bool:
        """Whether this is a server of the same options."""
        return isinstance(self._sink, ServingSink) and self._sink == sink

    def retire(self) -> None:
        """Lets `run` return after the delivery in hand, or before the next try of one that fails."""
        self._retired.set()

    async def run(self, finished: asyncio.Event) -> None:
        """Returns when no finding will follow (`finished`) and the sink has them all, or when it is retired."""
        if isinstance(self._sink, ServingSink) and not await self._opened(self._sink, finished):
            return
        cursor = await self._ledger.ask(self._journal.cursor, self._name)
        while not self._retired.is_set():
            last = finished.is_set()  # read before the journal: what came before it is then in the journal
            self.news.clear()
            entries, upto = await self._ledger.ask(self._journal.chosen, cursor, self._most, self._wants)
            if upto > cursor:
                try:
                    if entries:
                        delivered = await self._deliver(entries)
                        if not delivered:
                            return
                        upto = upto if delivered == len(entries) else entries[delivered - 1].number
                except Later as later:
                    if last:
                        return  # what waits has its place in the journal
                    await self._wait(later.seconds, finished)
                    continue
                cursor = upto
                self._ledger.delivered(self._name, cursor)
            elif last:
                return
            else:
                await first_of(self.news, finished, self._retired)

    @property
    def _wants(self) -> tuple[str, ...]:
        return self._sink.wants if isinstance(self._sink, ChoosySink) else KINDS

    async def _wait(self, seconds: float, *ends: asyncio.Event) -> None:
        """Returns after this time, or as soon as the delivery is retired, or one of these is set."""
        with suppress(TimeoutError):
            await within(seconds, first_of(self._retired, *ends))

    async def close(self) -> None:
        """Tells the sink that nothing will follow, if it wants to know."""
        if isinstance(self._sink, ClosingSink):
            error = await attempt(within(self._timeout_s, self._sink.close()))
            if error is not None:
                log.error("sink %s: could not be closed: %s", self._name, reason(error))

    async def _opened(self, sink: ServingSink, finished: asyncio.Event) -> bool:
        """Whether it serves; a run that has ended does not wait for one that cannot."""
        last = await self._ledger.ask(self._journal.last_entries)
        cycles = await self._ledger.ask(self._journal.cycles)
        return await self._until_done(lambda: sink.open(last, cycles), finished)

    async def _deliver(self, entries: Sequence[Entry]) -> int:
        """How many of them the sink has, the first ones; none where it is retired before."""
        if not await self._until_done(lambda: self._timed(entries[: self._most]), self._retired, self._failed):
            return 0
        delivered = min(self._most, len(entries))
        if self._took_s < self._timeout_s / 4:
            self._most = min(2 * self._most, self._ceiling)
        return delivered

    def _failed(self, error: Exception) -> None:
        """A slow line never carries in time what is always as much; nor does who refuses so much take it later."""
        if isinstance(error, (*_CUT_OFF, TooMuch)):
            self._most = max(1, self._most // 2)
        if isinstance(error, TooMuch):
            self._ceiling = self._most

    async def _timed(self, entries: Sequence[Entry]) -> None:
        began = time.perf_counter()
        await self._write(entries)
        self._took_s = time.perf_counter() - began
        self._ledger.took(f"deliver {self._name}", self._took_s)

    async def _until_done(
        self,
        work: Callable[[], Awaitable[None]],
        given_up: asyncio.Event,
        on_failure: Callable[[Exception], None] = lambda _: None,
    ) -> bool:
        """Whether the work was done, sooner or later, before the delivery was retired or given up. Raises Later."""
        failed = False
        for delay_s in delays(*self._retry):
            error = await attempt(within(self._timeout_s, work()))
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # the sink took it for one more reason to fail
            if error is None:
                break
            if isinstance(error, Later):
                raise error
            on_failure(error)
            if not failed:
                failed = True
                self._ledger.note("sink_failed", f"sink {self._name}: failed: {reason(error)}; trying again")
            await self._wait(delay_s, given_up)
            if self._retired.is_set() or given_up.is_set():
                return False
        if failed:
            self._ledger.note("sink_back", f"sink {self._name}: back")
        return True

    async def _write(self, entries: Sequence[Entry]) -> None:
        if isinstance(self._sink, RecordSink):
            await self._sink.write_records(entries)
            return
        findings = [entry.body for entry in entries if entry.kind == "finding"]
        if findings:
            await self._sink.write(findings)
