"""Results appear whole or not at all: written beside their final place, renamed at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Every name that a batch may leave in its folder.
RESULTS = ("findings.jsonl", "findings.csv", "findings.parquet", "report.html", "summary.json")


@dataclass(frozen=True)
class Staging:
    """A folder inside the results folder, so that a rename stays on one file system."""

    out: Path
    folder: Path

    def publish(self) -> tuple[Path, ...]:
        """Moves the finished results to their final names, the summary last; an earlier batch's are replaced."""
        made = [name for name in RESULTS if (self.folder / name).exists()]
        for name in made:
            _to_disk(self.folder / name)
        for name in RESULTS:
            if name in made:
                (self.folder / name).replace(self.out / name)
            else:
                (self.out / name).unlink(missing_ok=True)
        return tuple(self.out / name for name in made)


@contextmanager
def staging(out: Path) -> Iterator[Staging]:
    """A place to write to; it is gone afterwards, whatever happens. Raises OSError where nothing can be written."""
    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=out))
    try:
        yield Staging(out, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _to_disk(path: Path) -> None:
    """Renamed data must be on the disk before their name is, or a power cut leaves an empty file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
