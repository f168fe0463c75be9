"""Findings as JSON Lines in a file: whole lines only, on the disk before they count as delivered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from inversion.core import dumps

_BLOCK = 65536


@dataclass(frozen=True)
class JsonLinesSink:
    """Appends one line a finding to `path`, made if absent.

    A torn last line (a crash in the middle of a write) is cut off first; a write that fails (a full disk) is undone.
    """

    path: Path

    def __post_init__(self) -> None:
        if self.path.is_dir():
            raise ValueError(f"path must be a file, found the folder {self.path}")

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Raises OSError; the file is then as it was."""
        text = "".join(f"{dumps(dict(finding))}\n" for finding in findings)
        await asyncio.to_thread(append, self.path, text.encode())


def append(path: Path, lines: bytes) -> None:
    """Whole lines behind the last whole line of a file, synced; on failure nothing of them. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0) as file:
        size = _whole_lines(file)
        file.truncate(size)
        file.seek(size)
        try:
            _write_all(file, lines)
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise


def _write_all(file: IO[bytes], content: bytes) -> None:
    """A raw write may take a part only (the disk is nearly full, say); the next one then tells why."""
    while content:
        content = content[file.write(content) :]


def _whole_lines(file: IO[bytes]) -> int:
    """Size of the file up to and with its last line end."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _BLOCK)
        file.seek(start)
        cut = file.read(end - start).rfind(b"\n")
        if cut >= 0:
            return start + cut + 1
        end = start
    return 0
