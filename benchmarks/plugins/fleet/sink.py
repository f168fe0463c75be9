"""A sink that keeps nothing but how much it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Nowhere:
    """Counts findings in a file."""

    path: Path

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Adds so many."""
        before = int(self.path.read_text()) if self.path.exists() else 0
        self.path.write_text(str(before + len(findings)))
