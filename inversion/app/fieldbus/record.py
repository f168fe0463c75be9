"""`inversion record`: frames of a live site into files that replay and batch as they were measured."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from inversion.app.clock.clock import Clock
from inversion.app.clock.frames import settled
from inversion.app.configuration import load_site
from inversion.app.patience import delays, pause
from sensors import DecodeError, Frame, SensorError, Source, SourceUnavailable
from sensors.framefile import write_frames

#: Seconds between two attempts at a device that does not answer: first and longest.
_RETRY_S = (1.0, 30.0)


@dataclass(frozen=True)
class Recorded:
    """What was recorded of one asset. problem: why it ended, where it was not the wish of the caller."""

    asset: str
    files: tuple[Path, ...]
    frames: int
    problem: str = ""


async def record_site(
    site: Path, out: Path, stop: asyncio.Event, frames: int | None, seconds: float | None, together: int = 64
) -> list[Recorded]:
    """Records every source until so many frames of each, so many seconds, or a stop; `together` frames a file.

    Raises ConfigurationError, and SensorError where a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    loaded = load_site(site)
    sources, this_box = loaded.sources, Clock(loaded.clock)
    clock = asyncio.create_task(_stop_after(seconds, stop))
    try:
        jobs = [
            _record(source, f"source {i}", out, stop, frames, together, this_box) for i, source in enumerate(sources)
        ]
        return list(await asyncio.gather(*jobs))
    finally:
        clock.cancel()


async def _stop_after(seconds: float | None, stop: asyncio.Event) -> None:
    if seconds is not None:
        await pause(seconds, stop)
        stop.set()


async def _record(
    source: Source, name: str, out: Path, stop: asyncio.Event, most: int | None, together: int, this_box: Clock
) -> Recorded:
    part: list[Frame] = []
    files: list[Path] = []
    number, asset, problem = 0, getattr(source, "asset", name), ""
    waits = delays(*_RETRY_S)
    while not stop.is_set() and (most is None or number < most):
        try:
            async with aclosing(source.frames()) as coming:
                while (frame := await _next(coming, stop)) is not None:
                    asset, waits, problem = frame.asset, delays(*_RETRY_S), ""
                    this_box.look()
                    part += settled([frame], this_box.setting)  # as a gateway would tell its time, and trust it
                    number += 1
                    if len(part) == together:
                        files.append(_write(out, asset, part, files))
                        part = []
                    if number == most:
                        break
                break
        except (SourceUnavailable, DecodeError) as lost:
            problem = str(lost)
            await pause(next(waits), stop)
        except SensorError as failed:
            problem = str(failed)
            break
    if part:
        files.append(_write(out, asset, part, files))
    return Recorded(asset, tuple(files), number, problem)


async def _next(coming: object, stop: asyncio.Event) -> Frame | None:
    """The next frame; None at the end of the data or at a stop."""
    frame = asyncio.ensure_future(anext(coming, None))  # type: ignore[call-overload]
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((frame, stopped), return_when=asyncio.FIRST_COMPLETED)
        return frame.result() if frame.done() else None
    finally:
        stopped.cancel()
        if not frame.done():
            frame.cancel()
            await asyncio.wait((frame,))


def _write(out: Path, asset: str, frames: Sequence[Frame], before: Sequence[Path]) -> Path:
    """A file of a name that is not taken: asset, start and running number."""
    stem = re.sub(r"[^\w-]+", "_", asset)
    names = (out / f"{stem}_{frames[0].start_ns}_{len(before) + extra:04d}.npz" for extra in count())
    path = next(name for name in names if not name.exists())
    try:
        write_frames(path, frames)
    except OSError as problem:
        raise SensorError(f"{path}: cannot be written: {problem.strerror}") from problem
    return path
