"""A file of names and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LinesSink:
    """Appends `asset start_ns mean` for the parameter `level`."""

    path: Path

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """One line a finding."""
        lines = [f"{f['asset']} {f['start_ns']} {f['parameters']['level']['mean']}\n" for f in findings]
        with self.path.open("a") as file:
            file.writelines(lines)
