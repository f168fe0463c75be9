"""The gateway's end of the worker process: start it, ask it, replace it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app import wire
from inversion.app.limits import Group, Usage, joined_command
from inversion.core import ConfigurationError, InversionError
from sensors import Frame

#: One thread: a gateway shares its box with others. Telemetry of onnxruntime is off before it is imported.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}
_NOT_INHERITED = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_SHIELDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class WorkerLost(InversionError):
    """The worker ended, or did not answer in time; another one may do better."""


@dataclass(frozen=True)
class Answer:
    """Findings in their JSON contract, one a frame, and the states of the assets after them."""

    findings: list[dict[str, Any]]
    states: dict[str, Any]


class WorkerLink:
    """One worker process at a time; a lost one is replaced at the next request.

    group: whose limits it has; None: none
    """

    def __init__(self, site: Path, level: float, timeout_s: float, group: Group | None = None) -> None:
        self._site, self._level = site, level
        self.lite = False  # whether the next worker answers as cheaply as its engine can
        self._timeout_s = timeout_s
        self._group = group
        self._killed = 0
        self._process: Process | None = None
        self.fingerprint = ""

    @property
    def pid(self) -> int | None:
        """Of the running worker, None where none runs."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Starts a worker and waits until it has built the site's pipeline.

        Raises ConfigurationError when the pipeline cannot be built, WorkerLost when the worker ends before.
        """
        self._process = await _spawn(() if self._group is None else self._group.joins)
        self._killed = self._usage().oom_kills
        order = {"site": str(self._site), "level": self._level, "lite": self.lite}
        ready = await self._ask(wire.pack(order))
        if "error" in ready:
            await self.stop()
            raise ConfigurationError(ready["error"])
        self.fingerprint = ready["fingerprint"]

    async def advance(self, frames: Sequence[Frame], states: Mapping[str, Any], waiting: float = 0.0) -> Answer:
        """Findings of these frames; waiting: share of the queue that is filled. Raises WorkerLost."""
        if self._process is None:
            await self.start()
        known = {frame.asset: states[frame.asset] for frame in frames if frame.asset in states}
        answer = await self._ask(wire.pack_frames(frames, known, waiting))
        return Answer(answer["findings"], answer["states"])

    async def stop(self) -> None:
        """Ends the worker: it leaves at the end of its input, or is killed after a second."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        await _left(process)

    async def _ask(self, message: bytes) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._timeout_s):
                process.stdin.write(message)
                await process.stdin.drain()
                answer = await wire.receive(process.stdout)
        except (BrokenPipeError, ConnectionResetError):
            answer = None
        except TimeoutError:
            await self._drop(process)
            raise WorkerLost(f"the worker did not answer within {self._timeout_s:g} s") from None
        except asyncio.CancelledError:  # its answer would be taken for that of the next request
            await self._drop(process)
            raise
        if answer is None:
            self._process = None
            ending = _ending(await _left(process))
            if self._usage().oom_kills > self._killed:
                raise WorkerLost("the worker was killed: it needs more memory than its limit")
            raise WorkerLost(f"the worker ended ({ending})")
        return answer

    def _usage(self) -> Usage:
        return Usage() if self._group is None else self._group.usage()

    async def _drop(self, process: Process) -> None:
        self._process = None
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _spawn(joins: Sequence[Path]) -> Process:
    """A worker that no signal to the gateway's group ends: it ends when its input does."""
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED} | _ENVIRONMENT
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SHIELDED)  # the child inherits the mask
    try:
        return await asyncio.create_subprocess_exec(
            *joined_command(joins, [sys.executable, "-P", "-m", "inversion.app.worker"]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


async def _left(process: Process) -> int:
    """The exit code of a worker that is about to end; killed where it takes longer than a second."""
    try:
        return await asyncio.wait_for(process.wait(), 1.0)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        return await process.wait()


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
