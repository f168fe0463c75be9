"""Recorded frames as a source: what `inversion record` wrote, exactly as it was measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sensors.errors import RecordingError
from sensors.frame import Frame
from sensors.framefile import read_frames
from sensors.recording import expand, missing


@dataclass(frozen=True)
class FrameRecordingSource:
    """Frames of files that `inversion record` wrote, in the order given; shell globs are expanded in sorted order."""

    files: tuple[Path, ...]

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("files: expected at least one file or glob, found none")

    @cached_property
    def described_by(self) -> tuple[Path, ...]:
        """Files beside the recordings that say what they hold: none."""
        return ()

    def paths(self) -> tuple[Path, ...]:
        """The files, globs expanded. Raises SensorError for a glob that matches none."""
        return tuple(path for pattern in self.files for path in expand(Path(pattern)))

    @property
    def cautions(self) -> tuple[str, ...]:
        """What is wrong with the files as they are now; others may lie there when it is run."""
        return missing(self)

    def asset_of(self, path: Path) -> str:
        """The asset of a file; `record` writes one for each. The name of a file that cannot be read."""
        try:
            return self.read(path)[0].asset
        except RecordingError:
            return path.stem

    def read(self, path: Path) -> list[Frame]:
        """All frames of one file. Raises RecordingError."""
        frames = read_frames(path)
        if not frames or len({frame.asset for frame in frames}) != 1:
            raise RecordingError(f"{path}: expected frames of one asset, found {len(frames)} of several or none")
        return frames

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames of all files, in order. Raises RecordingError at the first that cannot be read."""
        for path in await asyncio.to_thread(self.paths):
            for frame in await asyncio.to_thread(self.read, path):
                yield frame
