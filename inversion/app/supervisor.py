"""The worker watched: started within its limits, replaced when it is lost, and spared when it is lost again and again.

A frame that loses a worker is tried once more, alone; then it is set aside with the reason.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from inversion.app.configuration import Site
from inversion.app.degrade import DegradeRule, Health, later, lost
from inversion.app.limits import Group, LimitsUnavailable, make_group
from inversion.app.limits.strain import Pressure
from inversion.app.patience import pause
from inversion.app.template_link import TemplateLink, TemplateLost
from inversion.app.worker_link import Answer, NotReached, WorkerLink, WorkerLost
from inversion.core import ConfigurationError
from sensors import Frame

Note = Callable[..., None]
_RENEW_S = 10.0  # from one start of a template to the next
_MOST_FRAMES = 8  # that one request to the worker holds
_SHARE = 0.25  # of the time that a request may take, which the frames of one should need


class Supervisor:
    """Answers frames as long as that is possible, and says when it is not.

    note: takes the kind, the text and the asset of an event
    degraded: told the name of every new step, and why
    template: what workers are forked from; None: each is started
    """

    def __init__(
        self,
        site: Site,
        note: Note,
        degraded: Callable[[str, str], None],
        template: TemplateLink | None = None,
    ) -> None:
        self._site, self._note, self._degraded = site, note, degraded
        self._template = template
        self._retry = (site.gateway.retry_s, site.gateway.retry_cap_s)
        self._rule = DegradeRule()
        self._health = Health()
        self._waited_s = 0.0  # for workers that were lost: one that hangs is lost no less often for it
        self._short_s = -math.inf  # when one was killed for memory
        self._pressure = Pressure()
        self._reloaded = asyncio.Event()
        self._skipped, self.not_inverted = 0, 0  # frames while workers were spared: since that was told, and of all
        self._renewing: asyncio.Task[None] | None = None
        self._renewed_s = -_RENEW_S
        self._turn = asyncio.Lock()
        self.group: Group | None = None
        self.states: dict[str, Any] = {}
        self.worker = self._link(site)

    @property
    def step(self) -> str:
        """What is still done: "full", "lite" or "acquisition only"."""
        return self._health.name

    @property
    def at_once(self) -> int:
        """How many frames one request may hold, up to eight: fewer where a frame took long, or they might be late."""
        share_s = self._site.gateway.frame_timeout_s * _SHARE
        return max(1, min(_MOST_FRAMES, int(share_s / max(self.worker.frame_s, 1e-9))))

    async def start(self) -> None:
        """The first worker. Raises ConfigurationError, WorkerLost, or LimitsUnavailable where limits are required."""
        await self._warm(self._site)
        self._limit()
        self.worker = self._link(self._site)
        await self.worker.start()
        if self.group is not None:
            if self.worker.pid not in self.group.members():
                raise LimitsUnavailable(f"limits: the worker (process {self.worker.pid}) is not in its group")
            version = self.group.version
            self._note("limits", f"limits: {self._site.limits.told()}, by control groups version {version}")

    async def stop(self) -> None:
        """Ends the worker and removes its group."""
        if self._renewing is not None:
            self._renewing.cancel()
        await self.worker.stop()
        if self.group is not None:
            self.group.remove()

    async def reload(self, site: Site) -> None:
        """A worker for a changed site takes over between two requests. Raises ConfigurationError, WorkerLost."""
        await self._warm(site)
        coming = self._link(site)
        await coming.start()
        async with self._turn:
            await self.worker.settle()
            leaving, self.worker, self._site = self.worker, coming, site
            if coming.fingerprint != leaving.fingerprint:
                self.states.clear()
            self._become(Health(), "the configuration was read again")
            self._reloaded.set()
        await leaving.stop()

    async def invert(self, frames: Sequence[Frame], waiting: float = 0.0) -> Answer:
        """Findings of these frames, as far as there are any. waiting: share of the queue behind them that is filled;
        the worker chooses its precision by it, or by the pressure on its group where that is more.

        Frames of other assets may be sent while these wait for their answer: the worker takes them in turn. Where it is
        lost, the first request that it has not answered is at fault; those behind are sent again, as if for the first
        time.
        """
        try:
            return await self._asked(frames, waiting)
        except WorkerLost as problem:
            self._note("worker_lost", f"{problem}; started again")
            self._lost(str(problem), problem)
        answers = [await self._once_more(frame, waiting) for frame in frames]
        findings = [finding for answer in answers for finding in answer.findings]
        states = {asset: state for answer in answers for asset, state in answer.states.items()}
        return Answer(findings, states, answers[-1].fingerprint)

    async def _once_more(self, frame: Frame, waiting: float) -> Answer:
        """One frame of those that lost a worker; set aside where it loses another."""
        try:
            return await self._asked([frame], waiting)
        except WorkerLost as problem:
            self._lost(str(problem), problem)
            where = f"{frame.source} window {frame.position}" if frame.position is not None else frame.source
            self._note("frame_set_aside", f"{frame.asset}: {where}: set aside: {problem}, twice", frame.asset)
            return Answer([], {}, self.worker.fingerprint)

    async def _asked(self, frames: Sequence[Frame], waiting: float) -> Answer:
        """The answer of a worker that came to them. Raises WorkerLost where they lost it."""
        while True:
            async with self._turn:
                self._reloaded.clear()
                self._heal()
                live = any(frame.position is None for frame in frames)
                strain = max(waiting, self._pressure.of(self.group)) if live else waiting
                asked = self.worker.send(frames, self.states, strain) if await self._have_worker() else None
                rest_s = self._health.rest_s
            if asked is not None:
                with suppress(NotReached):
                    answer = await asked
                    self.states |= answer.states
                    return answer
            elif live:
                self._skipped += len(frames)
                self.not_inverted += len(frames)
                return Answer([], {}, self.worker.fingerprint)
            else:
                await pause(rest_s, self._reloaded)  # a recording can wait; what is live cannot

    async def _have_worker(self) -> bool:
        """Whether a worker runs; starts one where none does, with growing patience, until workers are spared.

        The box may be short of memory for a while, and the file may have become wrong since this gateway read it.
        """
        while self._health.name != "acquisition only":
            await self._leave_lite()
            if self.worker.pid is not None:
                self._renew()
                return True
            await asyncio.sleep(self._health.wait_s(*self._retry))
            try:
                await self.worker.start()
            except WorkerLost as problem:
                self._not_started(f"{problem} while starting", problem)
            except ConfigurationError as problem:
                self._not_started(f"no worker can be started: {'; '.join(str(problem).splitlines())}")
        return False

    def _not_started(self, why: str, problem: WorkerLost | None = None) -> None:
        self._note("worker_lost", f"{why}; trying again")
        self._lost(why, problem)

    async def _leave_lite(self) -> None:
        """Ends a worker that answers cheaply, once everything may be done again; the next one does."""
        if self.worker.pid is not None and self.worker.runs_lite and not self.worker.lite:
            await self.worker.settle()
            await self.worker.stop()

    def _lost(self, why: str, problem: WorkerLost | None = None) -> None:
        if problem is not None:
            self._waited_s += problem.waited_s
            self._short_s = self._now_s if problem.for_memory else self._short_s
        self._become(lost(self._rule, self._health, self._now_s), f"workers are lost again and again: {why}")

    def _heal(self) -> None:
        self._become(later(self._rule, self._health, self._now_s), "tried again")
        short = self._now_s - self._short_s < self._rule.recover_s
        self.worker.lite = self._health.step > 0 or short  # what needs more memory than there is may do with less

    @property
    def _now_s(self) -> float:
        """Monotonic, without the time that lost workers took to be lost."""
        return time.monotonic() - self._waited_s

    def _become(self, health: Health, why: str) -> None:
        before, self._health = self._health, health
        if before.step == health.step:
            return
        self.tell_skipped()
        self.worker.lite = health.step > 0
        self._degraded(health.name, why)

    def tell_skipped(self) -> None:
        """Says how many frames were not inverted since that was said last."""
        if self._skipped:
            self._note("frames_not_inverted", f"{self._skipped} frames were not inverted while workers were spared")
            self._skipped = 0

    def _link(self, site: Site) -> WorkerLink:
        timeout_s = site.gateway.frame_timeout_s
        return WorkerLink(site.path, site.level, timeout_s, self.group, site.parts, self._template)

    async def _warm(self, site: Site) -> None:
        """Has the template ready for this site's workers; others that it forks are only slower."""
        if self._template is not None:
            with suppress(TemplateLost):
                await self._template.warm(site.parts)

    def _renew(self) -> None:
        """A template in the place of one that was lost, not too often; meanwhile workers are started."""
        template, now_s = self._template, time.monotonic()
        if template is None or not template.lost or now_s - self._renewed_s < _RENEW_S:
            return
        self._renewed_s = now_s
        self._note("template_lost", "the template of the workers was lost; another one is started")
        self._renewing = asyncio.create_task(self._renewed(template))

    async def _renewed(self, template: TemplateLink) -> None:
        try:
            await template.renew()
        except OSError as problem:
            self._note("template_lost", f"no template can be started: {problem.strerror}; trying again")

    def _limit(self) -> None:
        """Makes the worker's group. Raises LimitsUnavailable where its limits cannot be had but are required."""
        limits = self._site.limits
        if not limits.any:
            return
        try:
            ours = (self._template.pid,) if self._template is not None and self._template.pid else ()
            place = self._site.journal.parent
            self.group = make_group(limits, f"inversion-{os.getpid()}", ours=ours, place=place)
        except LimitsUnavailable as problem:
            if limits.required:
                raise LimitsUnavailable(
                    f"{self._site.path}: limits: cannot be had: {problem}; `required = false` runs without them"
                ) from problem
            self._note("limits_missing", f"limits: not in force: {problem}")
