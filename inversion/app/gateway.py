"""The gateway: sources -> bounded queue -> worker -> journal -> sinks, one asyncio process.

Nothing is handed to a sink before it is journalled. A stop takes no more frames, finishes those in hand, journals and
delivers them; the next start goes on behind the last journalled window of every recording.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from inversion.app.acquisition import Acquisition
from inversion.app.alarms import AlarmDesk, answered
from inversion.app.configuration import Site
from inversion.app.delivery import Delivery
from inversion.app.journal import Journal, JournalError, Record, Retention, open_journal
from inversion.app.ledger import Ledger
from inversion.app.limits import Group, Limits, LimitsUnavailable, make_group
from inversion.app.patience import delays
from inversion.app.worker_link import Answer, WorkerLink, WorkerLost
from sensors import Frame

_MOST_FRAMES = 8  # that one request to the worker holds
_LAST_WORDS_S = 2.0
_DESK_S = 0.25  # between two looks at the clock and at what operators ask

log = logging.getLogger("inversion.gateway")


async def run_gateway(site: Site, stop: asyncio.Event) -> int:
    """Runs the site until its data end and are delivered, or until `stop` is set; the exit code.

    0: all sources ended well and all is journalled; 1: a source failed, or something could not be journalled.
    Raises ConfigurationError when the worker cannot build the pipeline, JournalError when the journal is unusable.
    """
    kept = Retention(site.journalling.keep_days, site.journalling.most_mb)
    with open_journal(site.journal, time.time_ns(), kept) as journal:
        return await Gateway(site, journal, stop).run()


class Gateway:
    """One run of a site on an open journal."""

    def __init__(self, site: Site, journal: Journal, stop: asyncio.Event) -> None:
        options = site.gateway
        retry = (options.retry_s, options.retry_cap_s)
        self._site, self._journal, self._stop = site, journal, stop
        self._retry = retry
        groups = (site.journalling.commit_s, site.journalling.state_s)
        self._ledger = Ledger(journal, retry, time.time_ns, *groups)
        self._queue: asyncio.Queue[Frame | None] = asyncio.Queue(options.queue_frames)
        self._group: Group | None = None
        self.worker = WorkerLink(site.path, site.level, options.frame_timeout_s)
        names = ["source"] if len(site.sources) == 1 else [f"source.{i}" for i in range(len(site.sources))]
        self._acquisitions = [
            Acquisition(name, source, self._put, self._ledger.note, stop, retry)
            for name, source in zip(names, site.sources, strict=True)
        ]
        self._deliveries = [
            Delivery(name, sink, journal, self._ledger, retry, options.sink_timeout_s)
            for name, sink in site.sinks.items()
        ]
        self._positions: dict[tuple[str, str], int] = {}
        self._states: dict[str, Any] = {}
        self._desk = AlarmDesk(site.latching, site.silences, site.alarm_desk, {})
        self._heard: dict[str, int] = {}
        self._finished = asyncio.Event()

    async def run(self) -> int:
        """Until the end of the data, or a stop; see `run_gateway`."""
        try:
            self._limit(self._site.limits)
            await self.worker.start()
            self._check_limits()
            await self._restore()
            self._ledger.note("started", f"gateway {self._site.name}: started")
            return 0 if await self._work() else 1
        finally:
            await self.worker.stop()
            if self._group is not None:
                self._group.remove()
            for delivery in self._deliveries:
                await delivery.close()
            self._ledger.close()

    def _limit(self, limits: Limits) -> None:
        """Makes the worker's group. Raises LimitsUnavailable where its limits cannot be had but are required."""
        if not limits.any:
            return
        try:
            self._group = make_group(limits, f"inversion-{os.getpid()}")
        except LimitsUnavailable as problem:
            if limits.required:
                raise LimitsUnavailable(
                    f"{self._site.path}: limits: cannot be had: {problem}; `required = false` runs without them"
                ) from problem
            self._ledger.note("limits_missing", f"limits: not in force: {problem}")
            return
        self.worker = WorkerLink(self._site.path, self._site.level, self._site.gateway.frame_timeout_s, self._group)

    def _check_limits(self) -> None:
        """Raises LimitsUnavailable where the worker is not in its group, whatever the kernel said."""
        if self._group is None:
            return
        if self.worker.pid not in self._group.members():
            raise LimitsUnavailable(f"limits: the worker (process {self.worker.pid}) is not in its group")
        version = self._group.version
        self._ledger.note("limits", f"limits: {self._site.limits.told()}, by control groups version {version}")

    async def _restore(self) -> None:
        self._states = await self._ledger.ask(self._journal.states, self.worker.fingerprint)
        cycles = await self._ledger.ask(self._journal.cycles)
        self._desk = AlarmDesk(self._site.latching, self._site.silences, self._site.alarm_desk, cycles)
        self._desk.know(await self._ledger.ask(self._journal.last_findings))
        events = [(event.kind, event.text) for event in await self._ledger.ask(self._journal.events)]
        for acquisition in self._acquisitions:
            acquisition.recall(events)
        await self._ledger.ask(self._journal.register, list(self._site.sinks))
        self._ledger.news += [delivery.news for delivery in self._deliveries]
        self._heard = {asset: time.monotonic_ns() for asset in _assets(self._site)}

    async def _work(self) -> bool:
        """Whether all sources ended well and all they brought is journalled."""
        try:
            async with asyncio.TaskGroup() as group:
                process = group.create_task(self._process())
                deliveries = [group.create_task(delivery.run(self._finished)) for delivery in self._deliveries]
                sources = [group.create_task(acquisition.run()) for acquisition in self._acquisitions]
                end = group.create_task(self._end(sources))
                aside = [
                    group.create_task(self._ledger.commit_groups()),
                    group.create_task(self._keep_desk()),
                    group.create_task(self._deadline([*sources, end, process, *deliveries])),
                ]
                await asyncio.wait([end, process, *deliveries])
                if self._group is not None:
                    self._ledger.note("limits_used", f"limits: {self._group.usage().told()}")
                await self._say_what_waits(process.cancelled())
                for task in aside:
                    task.cancel()
        except* JournalError as problems:
            raise JournalError(str(problems.exceptions[0])) from problems
        return not process.cancelled() and all(not source.cancelled() and source.result() for source in sources)

    async def _end(self, sources: Sequence[asyncio.Task[bool]]) -> None:
        await asyncio.wait(sources)
        await self._queue.put(None)

    async def _deadline(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """A stop lasts no longer than `stop_s`, whatever the worker, the disk and the sinks do."""
        await self._stop.wait()
        await asyncio.sleep(self._site.gateway.stop_s)
        for task in tasks:
            task.cancel()

    async def _put(self, frame: Frame) -> None:
        """Queues a frame, unless this window of the recording is journalled, or was queued, already."""
        self._heard[frame.asset] = time.monotonic_ns()
        if frame.position is not None:
            key = (frame.asset, frame.source)
            if key not in self._positions:
                last = await self._ledger.ask(self._journal.last_position, *key)
                self._positions[key] = -1 if last is None else last
            if frame.position <= self._positions[key]:
                return
            self._positions[key] = frame.position
        await self._queue.put(frame)

    async def _process(self) -> None:
        """Frames to findings, journalled before they are announced."""
        while frames := await self._taken():
            answer = await self._invert(frames)
            now_ns = time.time_ns()
            changes = self._desk.judge(answer.findings, now_ns)
            findings = [Record("finding", finding["asset"], now_ns, finding) for finding in answer.findings]
            await self._journalled([*findings, *changes], answer.states, urgent=bool(changes))
        await self._ledger.flush()
        self._finished.set()

    async def _journalled(
        self, records: Sequence[Record], states: Mapping[str, Any] | None = None, *, urgent: bool = True
    ) -> None:
        """Says what people must hear, and takes all of it for the journal."""
        for record in records:
            if record.kind == "event" or (record.kind == "alarm" and record.body["announced"]):
                log.info(record.body["text"])
        cycles, self._desk.changed = self._desk.changed, {}
        await self._ledger.put(
            records, states=states, fingerprint=self.worker.fingerprint, cycles=cycles, urgent=urgent
        )

    async def _keep_desk(self) -> None:
        """What the clocks and the operators do to alarms, until cancelled."""
        seen = -1
        while True:
            records = self._desk.tick(self._heard, time.monotonic_ns(), time.time_ns())
            if records or self._desk.changed:
                await self._journalled(records)
            changed = await self._ledger.ask(self._journal.changed)
            if changed != seen:
                seen = changed
                for number, body in await self._ledger.ask(self._journal.asked):
                    answer, records = answered(self._desk, body, time.time_ns())
                    await self._journalled(records)
                    await self._ledger.put(answers={number: answer}, urgent=True)
            await asyncio.sleep(_DESK_S)

    async def _taken(self) -> list[Frame]:
        """The frames that wait, at least one; none at the end of the data."""
        frames = [] if (first := await self._queue.get()) is None else [first]
        while frames and len(frames) < _MOST_FRAMES and not self._queue.empty():
            following = self._queue.get_nowait()
            if following is None:
                self._queue.put_nowait(None)  # for the next call
                break
            frames.append(following)
        return frames

    async def _invert(self, frames: Sequence[Frame]) -> Answer:
        """Findings of these frames. Where the worker is lost each is tried once more, alone, then set aside."""
        try:
            return await self._advance(frames)
        except WorkerLost as lost:
            self._ledger.note("worker_lost", f"{lost}; started again")
        findings: list[dict[str, Any]] = []
        states: dict[str, Any] = {}
        for frame in frames:
            try:
                answer = await self._advance([frame])
            except WorkerLost as lost:
                where = f"{frame.source} window {frame.position}" if frame.position is not None else frame.source
                self._ledger.note("frame_set_aside", f"{frame.asset}: {where}: set aside: {lost}, twice", frame.asset)
                continue
            findings += answer.findings
            states |= answer.states
        return Answer(findings, states)

    async def _advance(self, frames: Sequence[Frame]) -> Answer:
        await self._have_worker()
        answer = await self.worker.advance(frames, self._states)
        self._states |= answer.states
        return answer

    async def _have_worker(self) -> None:
        """Starts a worker where none runs, with growing patience: the box may be short of memory for a while."""
        for delay_s in delays(*self._retry):
            if self.worker.pid is not None:
                return
            try:
                await self.worker.start()
            except WorkerLost as lost:
                self._ledger.note("worker_lost", f"{lost} while starting; trying again in {delay_s:g} s")
                await asyncio.sleep(delay_s)

    async def _say_what_waits(self, cut_short: bool) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ledger.flush(), _LAST_WORDS_S)
        for name in self._site.sinks:
            waiting = await self._ledger.ask(self._journal.waiting, name)
            if waiting:
                self._ledger.note("sink_waits", f"sink {name}: {waiting} findings and alarms wait in the journal")
        if cut_short:
            self._ledger.note("not_journalled", "stopped before the last frames were journalled")
        with suppress(TimeoutError):  # a disk that is still full has had its time
            await asyncio.wait_for(self._ledger.flush(), _LAST_WORDS_S)


def _assets(site: Site) -> list[str]:
    """Of the sources that know what they measure: those are missed even before they were heard once."""
    return [asset for source in site.sources if isinstance(asset := getattr(source, "asset", None), str)]
