"""Jobs spread over processes: one job at a time each, spoken to in lines of JSON, none left behind.

Processes are spawned, never forked (the parent may hold threads), and take no part in Ctrl-C: the parent ends them.
"""

from __future__ import annotations

import json
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from inversion.app.batch.asset import AssetJob, invert_asset
from inversion.core import InversionError

#: One thread a process: the processes already fill the cores.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class BatchFailed(InversionError):
    """Nothing more can be inverted or written: a full disk, a configuration that changed meanwhile."""


@dataclass(frozen=True)
class Worker:
    """One process and our end of its line."""

    process: SpawnProcess
    line: Connection


def invert_all(
    jobs: Sequence[AssetJob], workers: int, done: Callable[[int], None]
) -> Iterator[tuple[AssetJob, list[dict[str, Any]]]]:
    """Every job with its entries, in the order they finish. `done` is told the place of every finished file.

    A process that dies takes only its own job with it. Raises BatchFailed.
    """
    waiting = deque(jobs)
    idle: list[Worker] = []
    busy: dict[Connection, tuple[Worker, AssetJob]] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                worker, job = (idle.pop() if idle else _start()), waiting.popleft()
                busy[worker.line] = (worker, job)
                with suppress(OSError):  # it died while idle; the end of its line says so below
                    worker.line.send_bytes(_job_bytes(job))
            for line in wait(list(busy)):
                worker, job = busy[line]  # type: ignore[index]
                message = _receive(worker)
                if "place" in message:
                    done(message["place"])
                elif "fatal" in message:
                    raise BatchFailed(message["fatal"])
                else:
                    del busy[worker.line]
                    if "entries" in message:
                        idle.append(worker)
                        yield job, message["entries"]
                    else:
                        _end(worker)
                        yield job, _lost(job, message["died"])
    finally:
        for worker in (*idle, *(worker for worker, _ in busy.values())):
            _end(worker)


def _lost(job: AssetJob, why: str) -> list[dict[str, Any]]:
    return [{"file": str(path), "failed": f"{path}: {why}"} for _, path in job.files]


def _start() -> Worker:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    resource_tracker.ensure_running()  # else the first start brings it up, and that unblocks SIGINT
    with _environment(_ONE_THREAD), _blocked(signal.SIGINT):
        process.start()
    theirs.close()
    return Worker(process, ours)


def _receive(worker: Worker) -> dict[str, Any]:
    try:
        message: dict[str, Any] = json.loads(worker.line.recv_bytes())
    except (EOFError, OSError):
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"killed by {signal.Signals(-code).name}, perhaps out of memory" if code < 0 else f"exit code {code}"
        return {"died": f"the process that inverted it ended unexpectedly ({how})"}
    return message


def _end(worker: Worker) -> None:
    worker.line.close()
    worker.process.terminate()
    worker.process.join()


def _serve(line: Connection) -> None:
    """What the process does: jobs until the parent closes the line, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, ConnectionError):
        while True:
            job = _job_of(line.recv_bytes())
            _send(line, _answer(line, job))


def _answer(line: Connection, job: AssetJob) -> dict[str, Any]:
    try:
        return {"entries": invert_asset(job, lambda place: _send(line, {"place": place}))}
    except ConnectionError:  # not a full disk: nobody listens any more
        raise
    except OSError as error:
        return {"fatal": f"cannot write to {job.staged.parent}: {error.strerror or error}"}
    except InversionError as error:
        return {"fatal": str(error)}


def _send(line: Connection, message: dict[str, Any]) -> None:
    line.send_bytes(json.dumps(message).encode())


def _job_bytes(job: AssetJob) -> bytes:
    files = [[place, str(path)] for place, path in job.files]
    return json.dumps([str(job.site), files, str(job.staged), job.portrait]).encode()


def _job_of(data: bytes) -> AssetJob:
    site, files, staged, portrait = json.loads(data)
    return AssetJob(Path(site), tuple((place, Path(path)) for place, path in files), Path(staged), portrait)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """These variables for a child; what a person has set himself stays."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextmanager
def _blocked(number: signal.Signals) -> Iterator[None]:
    """A child started here never sees this signal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
