"""From the journal to a sink: every finding at least once, in order; a dead sink never slows another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from inversion.app.journal import Entry, Journal
from inversion.app.last_resort import attempt, reason
from inversion.app.ledger import Ledger
from inversion.app.patience import delays, first_of
from inversion.core import Sink

_MOST = 256  # findings in one delivery

Note = Callable[[str, str], None]


class Delivery:
    """Brings one sink what it lacks, from its cursor on, and waits for news.

    retry: first and longest wait before a failed delivery is tried again, s
    timeout_s: a delivery that lasts longer has failed
    """

    def __init__(
        self, name: str, sink: Sink, journal: Journal, ledger: Ledger, retry: tuple[float, float], timeout_s: float
    ) -> None:
        self._name, self._sink, self._journal, self._ledger = name, sink, journal, ledger
        self._retry, self._timeout_s = retry, timeout_s
        self.news = asyncio.Event()

    async def run(self, finished: asyncio.Event) -> None:
        """Returns when no finding will follow (`finished`) and the sink has them all."""
        cursor = await self._ledger.ask(self._journal.cursor, self._name)
        while True:
            last = finished.is_set()  # read before the journal: what came before it is then in the journal
            self.news.clear()
            entries = await self._ledger.ask(self._journal.after, cursor, _MOST)
            if entries:
                await self._deliver(entries)
                cursor = entries[-1].number
                await self._ledger.delivered(self._name, cursor)
            elif last:
                return
            else:
                await first_of(self.news, finished)

    async def _deliver(self, entries: Sequence[Entry]) -> None:
        findings = [entry.finding for entry in entries]
        failed = False
        for delay_s in delays(*self._retry):
            error = await attempt(asyncio.wait_for(self._sink.write(findings), self._timeout_s))
            if error is None:
                break
            if not failed:
                failed = True
                self._ledger.note("sink_failed", f"sink {self._name}: failed: {reason(error)}; trying again")
            await asyncio.sleep(delay_s)
        if failed:
            self._ledger.note("sink_back", f"sink {self._name}: back")
