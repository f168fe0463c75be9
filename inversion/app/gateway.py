"""The gateway: sources -> bounded queue -> worker -> journal -> sinks, one asyncio process.

Nothing is handed to a sink before it is journalled. A stop takes no more frames, finishes those in hand, journals and
delivers them; the next start goes on behind the last journalled window of every recording.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from inversion.app.acquisition import Acquisition
from inversion.app.alarms.keeper import DeskKeeper
from inversion.app.certificates import Certificates
from inversion.app.clock import Clock
from inversion.app.collector import Collector
from inversion.app.configuration import Site
from inversion.app.couriers import Couriers
from inversion.app.delivered import KnownPace
from inversion.app.heap import give_back_code
from inversion.app.in_hand import InHand
from inversion.app.intake import Intake
from inversion.app.journal import Journal, JournalError, Retention, open_journal
from inversion.app.journal.status import file_bytes
from inversion.app.ledger import Ledger
from inversion.app.log import write_as
from inversion.app.observe.report import Snapshot, pages
from inversion.app.observe.server import observed
from inversion.app.observe.tally import Tally
from inversion.app.patience import within
from inversion.app.reload import reloaded
from inversion.app.supervisor import Supervisor
from inversion.app.systemd import Systemd
from inversion.app.template_link import TemplateLink
from inversion.app.worker_link import WorkerLink, WorkerLost
from inversion.core import ConfigurationError

_LAST_WORDS_S = 2.0
_SETTLED_S = 2.0
_AGAIN_S = 1.0

log = logging.getLogger("inversion.gateway")


async def run_gateway(
    site: Site,
    stop: asyncio.Event,
    reload: asyncio.Event | None = None,
    clock: Clock | None = None,
    template: TemplateLink | None = None,
) -> int:
    """Runs the site until its data end and are delivered, or until `stop` is set; the exit code.

    reload: set when the configuration shall be read again; clock: this box's, where it is no other
    template: what workers are forked from, and sites are read in; without one each is started, and read here
    0: all sources ended well and all is journalled; 1: a source failed, or something could not be journalled.
    Raises ConfigurationError when the worker cannot build the pipeline, JournalError when the journal is unusable.
    """
    kept = Retention(site.journalling.keep_days, site.journalling.most_mb)
    clock = clock or Clock(site.clock)
    with open_journal(site.journal, clock.now_ns(), kept) as journal:
        return await Gateway(site, journal, stop, reload or asyncio.Event(), clock, template).run()


class Gateway:
    """One run of a site on an open journal."""

    def __init__(
        self,
        site: Site,
        journal: Journal,
        stop: asyncio.Event,
        reload: asyncio.Event | None = None,
        clock: Clock | None = None,
        template: TemplateLink | None = None,
    ) -> None:
        options = site.gateway
        retry = (options.retry_s, options.retry_cap_s)
        self._site, self._journal, self._stop = site, journal, stop
        self._reload = reload or asyncio.Event()
        clock = clock or Clock(site.clock)
        self._ledger = Ledger(journal, retry, clock, site.journalling.commit_s, site.journalling.state_s)
        self._template = template
        self._intake = Intake(journal, self._ledger, options.queue_frames)
        self._supervisor = Supervisor(site, self._note, self._degraded, template)
        known = lambda: (self._supervisor.states, self.worker.fingerprint)  # noqa: E731
        self._keeper = DeskKeeper(site, journal, self._ledger, self._intake, known)
        self._certificates = Certificates(site, self._ledger.note)
        self._collector = Collector(site, self._ledger.note)
        self._finished = asyncio.Event()
        self._couriers = Couriers(site, journal, self._ledger, self._finished)
        names = ["source"] if len(site.sources) == 1 else [f"source.{i}" for i in range(len(site.sources))]
        self._acquisitions = [
            Acquisition(name, source, self._intake.put, self._ledger.note, stop, retry)
            for name, source in zip(names, site.sources, strict=True)
        ]
        pace_s = max((source.every_s for source in site.sources if isinstance(source, KnownPace)), default=0.0)
        self._systemd = Systemd(self._intake, self._acquisitions, often_s=options.frame_timeout_s, pace_s=pace_s)
        self._tally = Tally()
        self._in_hand = InHand(
            self._intake,
            self._ledger,
            self._supervisor,
            self._keeper,
            self._collector,
            self._tally,
            self._systemd.answered,
        )
        self._said: set[asyncio.Task[None]] = set()
        self._ledger.counted, self._intake.counted = self._tally.event, self._tally.frame
        self._ledger.took = self._tally.took
        self._started_s = time.time()

    @property
    def worker(self) -> WorkerLink:
        """The link to the worker that answers now."""
        return self._supervisor.worker

    async def run(self) -> int:
        """Until the end of the data, or a stop; see `run_gateway`."""
        try:
            await self._supervisor.start()
            await self._restore()
            self._ledger.note("started", f"gateway {self._site.name}: started")
            self._systemd.ready()
            asyncio.get_running_loop().call_later(_SETTLED_S, give_back_code)
            async with self._observed():
                return 0 if await self._work() else 1
        finally:
            self._systemd.stopping()
            await self._supervisor.stop()
            await self._couriers.close()
            self._ledger.close()

    async def _restore(self) -> None:
        self._supervisor.states |= await self._ledger.ask(self._journal.states, self.worker.fingerprint)
        await self._keeper.restore(self._site)
        await self._keeper.degraded(self._supervisor.step, "the gateway was started")
        events = [(event.kind, event.text) for event in await self._ledger.ask(self._journal.events)]
        for acquisition in self._acquisitions:
            acquisition.recall(events)
        await self._ledger.ask(self._journal.register, list(self._site.sinks))

    async def _work(self) -> bool:
        """Whether all sources ended well and all they brought is journalled."""
        try:
            async with asyncio.TaskGroup() as group:
                process = group.create_task(self._process())
                self._couriers.start(group)
                sources = [group.create_task(acquisition.run()) for acquisition in self._acquisitions]
                end = group.create_task(self._end(sources))
                aside = [
                    group.create_task(self._ledger.commit_groups()),
                    group.create_task(self._keeper.run()),
                    group.create_task(self._systemd.feed()),
                    group.create_task(self._reload_when_asked()),
                    group.create_task(self._certificates.watch()),
                    group.create_task(self._deadline([*sources, end, process])),
                ]
                await asyncio.wait([end, process])
                await self._couriers.finish()
                await self._last_words(process.cancelled())
                for task in aside:
                    task.cancel()
        except* JournalError as problems:
            raise JournalError(str(problems.exceptions[0])) from problems
        return not process.cancelled() and all(not source.cancelled() and source.result() for source in sources)

    async def _process(self) -> None:
        """Frames to findings, journalled before they are announced."""
        await self._in_hand.run()
        await self._ledger.flush()
        self._finished.set()

    async def _end(self, sources: Sequence[asyncio.Task[bool]]) -> None:
        await asyncio.wait(sources)
        await self._intake.end()

    async def _deadline(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """A stop lasts no longer than `stop_s`, whatever the worker, the disk and the sinks do."""
        await self._stop.wait()
        self._keeper.listen_no_more()
        await asyncio.sleep(self._site.gateway.stop_s)
        while True:  # a sink may have swallowed it
            for task in (*tasks, *self._couriers.tasks):
                task.cancel()
            await asyncio.sleep(_AGAIN_S)

    async def _reload_when_asked(self) -> None:
        """Reads the configuration again; one that is wrong, or that takes a restart, changes nothing."""
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._systemd.reloading()
            try:
                site = await reloaded(self._site, self._template)
                await self._supervisor.reload(site)
            except (ConfigurationError, WorkerLost) as problem:
                told = "; ".join(str(problem).splitlines())
                self._ledger.note("reload_refused", f"reload refused, nothing has changed: {told}")
            else:
                await self._keeper.reload(site)
                self._ledger.reload(site.journalling)
                self._collector.reload(site)
                write_as(site.log)
                await self._couriers.reload(site)
                self._certificates.reload(site)
                self._site = site
                self._ledger.note("reloaded", f"{site.path}: reloaded")
            self._systemd.ready()

    @asynccontextmanager
    async def _observed(self) -> AsyncIterator[None]:
        """Shows how this gateway is, where the site says so; a place that is taken stops nothing."""
        listen = self._site.observe
        if not listen.listen:
            yield
            return
        async with AsyncExitStack() as stack:
            try:
                shown = pages(self._look, self._tally)
                port = await stack.enter_async_context(observed(listen.place, shown, listen.names, self._tally.refusal))
            except OSError as problem:
                self._ledger.note("not_observed", f"observe: cannot listen at {listen.listen}: {problem.strerror}")
            else:
                log.info("metrics: http://%s:%d/metrics", listen.place[0], port)
            yield

    async def _look(self) -> Snapshot:
        group = self._supervisor.group
        return Snapshot(
            site=self._site.name,
            step=self._supervisor.step,
            flowing=self._systemd.well,
            not_inverted=self._supervisor.not_inverted,
            worker_pid=self.worker.pid,
            limited=group is not None if self._site.limits.any else None,
            template_pid=self._template.pid or None if self._template is not None else None,
            waiting=self._intake.waiting,
            sources=len(self._acquisitions),
            gone=[each.name for each in self._acquisitions if each.waits],
            requests={key: number for each in self._acquisitions for key, number in each.counts.items()},
            heard=self._intake.heard,
            standings=[one for one in await self._ledger.ask(self._journal.standings) if one.sink in self._site.sinks],
            journal=self._journal.path,
            journal_bytes=file_bytes(self._journal.path),
            usage=None if group is None else group.usage(),
            started_s=self._started_s,
            certificates=self._certificates.days_left(),
            clock_trusted=self._ledger.setting.trusted,
            clock_steps=self._ledger.steps,
        )

    def _note(self, kind: str, text: str, asset: str = "") -> None:
        """What the supervisor says; that it deals with a lost worker is a sign of life."""
        if kind == "worker_lost":
            self._systemd.answered()
        self._ledger.note(kind, text, asset)

    def _degraded(self, step: str, why: str) -> None:
        task = asyncio.get_running_loop().create_task(self._keeper.degraded(step, why))
        self._said.add(task)
        task.add_done_callback(self._said.discard)

    async def _last_words(self, cut_short: bool) -> None:
        self._supervisor.tell_skipped()
        if self._supervisor.group is not None:
            self._ledger.note("limits_used", f"limits: {self._supervisor.group.usage().told()}")
        with suppress(TimeoutError):  # a disk that is still full has had its time
            await within(_LAST_WORDS_S, self._ledger.flush())
        for name in self._site.sinks:
            waiting = await self._ledger.ask(self._journal.waiting, name)
            if waiting:
                self._ledger.note("sink_waits", f"sink {name}: {waiting} findings and alarms wait in the journal")
        if cut_short:
            self._ledger.note("not_journalled", "stopped before the last frames were journalled")
        with suppress(TimeoutError):
            await within(_LAST_WORDS_S, self._ledger.flush())
