"""The files of a control group: written, read back, and read for numbers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

_PATIENCE_S = 2.0


class NotInForce(OSError):
    """A limit that was written reads back as another."""


def set_limit(file: Path, value: str, expected: str | None = None) -> None:
    """Writes a limit and reads it back. Raises OSError with the file."""
    put(file, value)
    found = file.read_text(encoding="ascii").strip()
    if found != (value if expected is None else expected):
        raise NotInForce(0, f"wrote {value!r}, reads back {found!r}", str(file))


def set_cores(file: Path, value: str, effective: Path | None = None) -> None:
    """The same of a list of cores, which reads back in other words; effective: what of it the group's parents leave."""
    put(file, value)
    found = (effective or file).read_text(encoding="ascii").strip()
    if cores(found) != cores(value):
        raise NotInForce(0, f"wrote {value!r}, in force is {found!r}", str(file))


def cores(text: str) -> set[int]:
    """`0-1,3` as 0, 1 and 3."""
    spans = [span.partition("-") for span in text.split(",") if span]
    return {core for first, _, last in spans for core in range(int(first), int(last or first) + 1)}


def put(file: Path, value: str) -> None:
    """One write, as the kernel wants it. Raises OSError with the file."""
    handle = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, value.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error
    finally:
        os.close(handle)


def numbers(file: Path) -> Mapping[str, int]:
    """`name number` lines; nothing where there is no such file."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def number(file: Path, more: int = 0) -> int | None:
    """One number, and so much more; None where there is none."""
    try:
        return more + int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def pressure(file: Path) -> float | None:
    """Share of the last 10 s, from `some avg10=12.34 ...` (the kernel's PSI); None where it does not tell."""
    try:
        first = file.read_text(encoding="ascii").split()
        return float(first[1].removeprefix("avg10=")) / 100
    except (OSError, ValueError, IndexError):
        return None


def members(group: Path) -> set[int]:
    """Processes of a group."""
    try:
        return set(map(int, group.joinpath("cgroup.procs").read_text(encoding="ascii").split()))
    except OSError:
        return set()


def remove(groups: Iterable[Path]) -> None:
    """Ends what is left in these groups and removes them. Raises OSError where one stays."""
    for group in groups:
        until = time.monotonic() + _PATIENCE_S
        while group.exists():
            for process in members(group):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            try:
                group.rmdir()
            except OSError as error:
                if time.monotonic() > until:
                    raise OSError(error.errno, error.strerror, str(group)) from error
                time.sleep(0.01)  # the kernel lets go of it a little later


def sweep(parent: Path, prefix: str) -> None:
    """Removes empty groups whose makers (`<prefix><process>`) are gone: killed before they could do it."""
    for group in parent.glob(f"{prefix}*"):
        maker = group.name.removeprefix(prefix)
        if maker.isdigit() and not Path(f"/proc/{maker}").exists():
            with suppress(OSError):
                group.rmdir()
