"""Results appear whole or not at all: written beside their final place, renamed at the end.

Each batch holds a lock on its folder of parts, which the system lets go when the process ends, however it ends. What
no process holds was left by one that was killed, and goes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Every name that a batch may leave in its folder.
RESULTS = ("findings.jsonl", "findings.csv", "findings.parquet", "report.html", "summary.json")

_PREFIX = ".partial-"


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
def staging(out: Path, say: Callable[[str], None]) -> Iterator[Staging]:
    """A place to write to; it is gone afterwards, whatever happens. Raises OSError where nothing can be written.

    say: takes a line about every folder that a killed batch had left here, and that is gone now
    """
    out.mkdir(parents=True, exist_ok=True)
    with _opened(out) as place:
        fcntl.flock(place, fcntl.LOCK_EX)  # nobody clears a folder between its making and its lock
        for left in sorted(out.glob(f"{_PREFIX}*")):
            if _abandoned(left):
                shutil.rmtree(left, ignore_errors=True)
                say(f"{left}: left by a batch that was killed, removed")
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=out))
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield Staging(out, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _abandoned(folder: Path) -> bool:
    """Whether no living process holds the folder."""
    try:
        with _opened(folder) as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or gone meanwhile, or not ours
        return False
    return True


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _to_disk(path: Path) -> None:
    """Renamed data must be on the disk before their name is, or a power cut leaves an empty file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
