"""Recordings as a source: files in the order given, each cut into windows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from glob import has_magic
from pathlib import Path
from typing import Protocol

from sensors.errors import RecordingError, SensorError
from sensors.frame import Frame
from sensors.layout import Layout
from sensors.layoutfile import load_layout
from sensors.recorded import Recording, read_recording
from sensors.windows import check_window, window_frames, window_size

__all__ = ["Recording", "RecordingSource", "load_layout", "paced", "read_recording", "window_frames", "window_size"]


class Recorded(Protocol):
    """A source of files."""

    def paths(self) -> tuple[Path, ...]:
        """The files. Raises SensorError."""
        ...


@dataclass(frozen=True)
class RecordingSource:
    """Frames of recorded files.

    files: in this order; shell globs are expanded in sorted order
    layout: what the files hold, see `sensors.layoutfile`; loaded at once, so a wrong one is an error at start
    window_revolutions or window_s: length of a window; overlap: share of it that the next one repeats
    realtime: whether frames come no faster than they were recorded, files end to end
    """

    files: tuple[Path, ...]
    layout: Path
    window_revolutions: float | None = None
    window_s: float | None = None
    overlap: float = 0.0
    realtime: bool = False

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("files: expected at least one file or glob, found none")
        check_window(self.window_revolutions, self.window_s, self.overlap)
        _ = self.loaded_layout

    @cached_property
    def loaded_layout(self) -> Layout:
        """The layout. Raises LayoutError."""
        return load_layout(Path(self.layout))

    @property
    def described_by(self) -> tuple[Path, ...]:
        """Files beside the recordings that say what they hold."""
        return (self.layout,)

    def asset_of(self, path: Path) -> str:
        """The asset of a file."""
        return self.loaded_layout.asset_of(path)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names that its frames may hold: the layout's channels and conditions."""
        return (*self.loaded_layout.channels, *self.loaded_layout.conditions)

    def paths(self) -> tuple[Path, ...]:
        """The files, globs expanded.

        Raises SensorError for a glob that matches none, and for two files of one asset with one name, whose windows
        nobody could tell apart.
        """
        paths = tuple(path for pattern in self.files for path in expand(Path(pattern)))
        seen: dict[tuple[str, str], Path] = {}
        for path in paths:
            asset = self.loaded_layout.asset_of(path)
            if (other := seen.setdefault((asset, path.name), path)) is not path:
                raise SensorError(
                    f"files: {other} and {path} are both {path.name!r} of asset {asset!r}; name the asset by {{folder}}"
                )
        return paths

    @property
    def cautions(self) -> tuple[str, ...]:
        """What is wrong with the files as they are now; others may lie there when it is run."""
        return missing(self)

    def read(self, path: Path) -> list[Frame]:
        """All frames of one file. Raises RecordingError."""
        recording = read_recording(path, self.loaded_layout)
        return list(
            window_frames(
                recording,
                window_revolutions=self.window_revolutions,
                window_s=self.window_s,
                overlap=self.overlap,
            )
        )

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames of all files that can be read, in order.

        A file that cannot be read does not stop the next ones: after the last one, one RecordingError names them all.
        """
        problems: list[str] = []
        paths = await asyncio.to_thread(self.paths)
        for path in paths:
            try:
                frames = await asyncio.to_thread(self.read, path)
            except RecordingError as problem:
                problems.append(str(problem))
                continue
            if self.realtime:
                async for frame in paced(frames, asyncio.get_running_loop().time, asyncio.sleep):
                    yield frame
            else:
                for frame in frames:
                    yield frame
        if problems:
            raise RecordingError(f"{len(problems)} of {len(paths)} files could not be read: {'; '.join(problems)}")


async def paced(
    frames: Sequence[Frame], now: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
) -> AsyncGenerator[Frame, None]:
    """Each frame when its last sample would have been taken, had the first one been taken at the call; `now` in s."""
    began = now()
    for frame in frames:
        due = began + (frame.start_ns - frames[0].start_ns) / 1e9 + frame.duration_s
        if (wait := due - now()) > 0:
            await sleep(wait)
        yield frame


def missing(source: Recorded) -> tuple[str, ...]:
    """Why a source's files cannot be named, or which first is not there; empty where they are."""
    try:
        absent = next((path for path in source.paths() if not path.exists()), None)
    except SensorError as problem:
        return (str(problem),)
    return () if absent is None else (f"files: {absent} is not there",)


def expand(pattern: Path) -> list[Path]:
    """The files that a glob matches, sorted; a path without one is itself. Raises SensorError where none matches."""
    if not has_magic(str(pattern)) or pattern.exists():
        return [pattern]
    fixed = next(i for i, part in enumerate(pattern.parts) if has_magic(part))
    found = Path(*pattern.parts[:fixed]).glob(str(Path(*pattern.parts[fixed:])))
    files = sorted(path for path in found if path.is_file() and not path.name.startswith("."))
    if not files:
        raise SensorError(f"files: no file matches {str(pattern)!r}")
    return files
