"""Findings as JSON Lines in a file: whole lines only, on the disk before they count as delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app.appending import append
from inversion.core import dumps


@dataclass(frozen=True)
class JsonLinesSink:
    """Appends one line a finding to `path`, made if absent.

    A torn last line (a crash in the middle of a write) is cut off first; a write that fails (a full disk) is undone.
    """

    path: Path

    def __post_init__(self) -> None:
        if self.path.is_dir():
            raise ValueError(f"path must be a file, found the folder {self.path}")

    @property
    def writes(self) -> tuple[tuple[str, Path], ...]:
        """What nobody else may write."""
        return (("path", self.path),)

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Raises OSError; the file is then as it was."""
        text = "".join(f"{dumps(dict(finding))}\n" for finding in findings)
        await asyncio.to_thread(append, self.path, text.encode())
