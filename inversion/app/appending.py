"""Lines added to a file: whole ones only, and on the disk before they count."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

_BLOCK = 65536


def append(path: Path, lines: bytes, head: bytes = b"") -> int:
    """Whole lines behind the last whole line of a file, synced; on failure nothing of them. Raises OSError.

    head: what a file that holds no line yet begins with. Returns the size of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0) as file:
        size = _whole_lines(file)
        file.truncate(size)
        file.seek(size)
        added = lines if size else head + lines
        try:
            _write_all(file, added)
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise
        return size + len(added)


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
