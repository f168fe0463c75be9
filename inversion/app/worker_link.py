"""The gateway's end of the worker process: start it, ask it, replace it."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app import wire
from inversion.app.forked import Forked
from inversion.app.limits import Group, Usage, joined_command
from inversion.app.template import SHIELDED, worker_environment
from inversion.app.template_link import TemplateLink, TemplateLost
from inversion.core import ConfigurationError, InversionError
from sensors import Frame

_REQUESTS = 1 << 20  # bytes: those of eight windows of 16,384 samples, and what the kernel counts beside them


class WorkerLost(InversionError):
    """The worker ended, or did not answer in time; another one may do better.

    waited_s: for its answer, s; for_memory: the kernel ended it, since it needed more than its limit
    """

    def __init__(self, told: str, waited_s: float = 0.0, for_memory: bool = False) -> None:
        super().__init__(told)
        self.waited_s, self.for_memory = waited_s, for_memory


class NotReached(InversionError):
    """The worker was lost to an earlier request, before it came to this one."""


@dataclass(frozen=True)
class Answer:
    """Findings in their JSON contract, one a frame, and the states of the assets after them.

    fingerprint: of the parameters that the states are about
    """

    findings: list[dict[str, Any]]
    states: dict[str, Any]
    fingerprint: str = ""


class WorkerLink:
    """One worker process at a time; a lost one is replaced at the next request.

    parts: of its pipeline, as plain data; None: it reads them from the site's file
    group: whose limits it has; None: none
    template: what it is forked from; None, or one that is lost: it is started
    """

    def __init__(
        self,
        site: Path,
        level: float,
        timeout_s: float,
        group: Group | None = None,
        parts: Any = None,
        template: TemplateLink | None = None,
    ) -> None:
        self._order = {"site": str(site), "level": level, "parts": parts}
        self._template, self._fork = template, True
        self.lite = False  # whether the next worker answers as cheaply as its engine can
        self.runs_lite = False  # whether the one that runs does
        self._timeout_s = timeout_s
        self._group = group
        self._killed = 0
        self._process: Process | Forked | None = None
        self._turn: asyncio.Future[None] | None = None  # done when the request that was sent last is answered, or lost
        self.fingerprint = ""
        self._took_s = 0.0
        self.frame_s = 0.0  # what the worker took for a frame of the request that it answered last

    @property
    def pid(self) -> int | None:
        """Of the running worker, None where none runs."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Starts a worker and waits until it has built the site's pipeline.

        Raises ConfigurationError when the pipeline cannot be built, WorkerLost when the worker ends before.
        """
        self._killed = self._usage().oom_kills
        self.runs_lite = self.lite
        self._process = await self._started()
        _widen(self._process)
        forked = isinstance(self._process, Forked)
        try:
            ready = await self._say(wire.pack({**self._order, "lite": self.lite}))
        except WorkerLost:
            self._fork = not forked  # what does not survive a fork may do better without
            raise
        if "error" in ready:
            await self.stop()
            raise ConfigurationError(ready["error"])
        self.fingerprint = ready["fingerprint"]

    async def advance(self, frames: Sequence[Frame], states: Mapping[str, Any], waiting: float = 0.0) -> Answer:
        """Findings of these frames; see `send`. Starts a worker where none runs."""
        if self._process is None:
            await self.start()
        return await self.send(frames, states, waiting)

    def send(self, frames: Sequence[Frame], states: Mapping[str, Any], waiting: float = 0.0) -> Awaitable[Answer]:
        """Sends these frames to the worker, which must run, at once; awaited, it is their findings.

        More may be sent before it is awaited: the worker answers in order. waiting: share of the queue that is filled
        Raises WorkerLost where these frames lost the worker, NotReached where others before them did.
        """
        known = {frame.asset: states[frame.asset] for frame in frames if frame.asset in states}
        return self._findings(self._say(wire.pack_frames(frames, known, waiting)), len(frames))

    async def settle(self) -> None:
        """Returns when all that was sent is answered, or lost."""
        if self._turn is not None:
            await asyncio.wait([self._turn])

    async def stop(self) -> None:
        """Ends the worker: it leaves at the end of its input, or is killed after a second."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        await _left(process)

    async def _started(self) -> Process | Forked:
        """Forked from the template where there is one, and the limits leave room beside its memory."""
        template, group, fork = self._template, self._group, self._fork
        joins = () if group is None else group.joins
        self._fork = True
        if template is not None and fork and (group is None or group.share(template.shared)):
            with suppress(TemplateLost):
                return await template.worker(joins)
        if group is not None:
            group.share(0)
        return await _spawn(joins)

    async def _findings(self, asked: Awaitable[dict[str, Any]], frames: int) -> Answer:
        answer = await asked
        self.frame_s = self._took_s / frames
        return Answer(answer["findings"], answer["states"], self.fingerprint)

    def _say(self, message: bytes) -> Awaitable[dict[str, Any]]:
        """Writes a message; awaited, the answer, for which there is `timeout_s` from when those before are there."""
        process, before = self._process, self._turn
        assert process is not None
        assert process.stdin is not None
        self._turn = asyncio.get_running_loop().create_future()
        process.stdin.write(message)
        return self._heard(process, before, self._turn)

    async def _heard(
        self, process: Process | Forked, before: asyncio.Future[None] | None, turn: asyncio.Future[None]
    ) -> dict[str, Any]:
        try:
            if before is not None and not before.done():
                await asyncio.wait([before])
            if process is not self._process:
                raise NotReached("the worker was lost to an earlier request")
            return await self._answer(process)
        except asyncio.CancelledError:  # its answer would be taken for that of the next request
            await self._drop(process)
            raise
        finally:
            turn.set_result(None)

    async def _answer(self, process: Process | Forked) -> dict[str, Any]:
        assert process.stdout is not None
        killed, began = self._killed, time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await wire.receive(process.stdout)
            self._took_s = time.monotonic() - began
        except (BrokenPipeError, ConnectionResetError):
            answer = None
        except TimeoutError:
            self.frame_s = self._timeout_s
            await self._drop(process)
            told = f"the worker did not answer within {self._timeout_s:g} s"
            raise WorkerLost(told, time.monotonic() - began) from None
        if answer is None:
            self._process = None
            ending = _ending(await _left(process))
            waited_s = time.monotonic() - began
            if self._usage().oom_kills > killed:
                told = "the worker was killed: it needs more memory than its limit"
                raise WorkerLost(told, waited_s, for_memory=True)
            raise WorkerLost(f"the worker ended ({ending})", waited_s)
        return answer

    def _usage(self) -> Usage:
        return Usage() if self._group is None else self._group.usage()

    async def _drop(self, process: Process | Forked) -> None:
        if process is self._process:
            self._process = None
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _spawn(joins: Sequence[Path]) -> Process:
    """A worker that no signal to the gateway's group ends: it ends when its input does."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SHIELDED)  # the child inherits the mask
    try:
        return await asyncio.create_subprocess_exec(
            *joined_command(joins, [sys.executable, "-P", "-m", "inversion.app.worker"]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=worker_environment(),
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _widen(process: Process | Forked) -> None:
    """Lets whole requests lie before the worker: it does not wait for us amid one, as far as the kernel gives room."""
    assert process.stdin is not None
    line, pipe = (process.stdin.get_extra_info(kind) for kind in ("socket", "pipe"))
    with suppress(OSError):
        if line is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _REQUESTS)
        elif pipe is not None:
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _REQUESTS)


async def _left(process: Process | Forked) -> int | None:
    """The exit code of a worker that is about to end; killed where it takes longer than a second."""
    try:
        return await asyncio.wait_for(process.wait(), 1.0)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        return await process.wait()


def _ending(code: int | None) -> str:
    if code is None:
        return "nobody knows how"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
