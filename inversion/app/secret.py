"""Secrets: the first line of a file, or a variable of the environment; never an option, an address or a log.

A variable is taken out of the environment before the gateway forks or starts anything, and its bytes there are
overwritten: neither `os.environ` nor /proc/PID/environ of any of its processes shows it afterwards.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_NAMED = re.compile(rb"""_environment["']?\s*=\s*["']([A-Za-z_][A-Za-z0-9_]*)["']""")
_taken: dict[str, bytearray] = {}


@dataclass(frozen=True)
class Secret:
    """Where one stands; it is read at each use. option: the part of the options' names before `_file`.

    Raises ValueError for both places at once, and for what is no name of a variable: that may be the secret itself,
    and is not repeated.
    """

    option: str
    file: Path | None = None
    variable: str = ""

    def __post_init__(self) -> None:
        if self.file is not None and self.variable:
            raise ValueError(f"{self.option}_environment and {self.option}_file: give one of them, found both")
        if self.variable and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.variable):
            raise ValueError(f"{self.option}_environment must be the name of a variable: letters, digits, underscores")

    @property
    def given(self) -> bool:
        """Whether there is one."""
        return self.file is not None or bool(self.variable)

    def read(self) -> bytes:
        """It. Raises ConnectionError where it cannot be read, or is empty."""
        if self.file is None:
            taken = _taken.get(self.variable)
            lines = (os.environb.get(self.variable.encode(), b"") if taken is None else bytes(taken)).splitlines()
        else:
            try:
                lines = self.file.read_bytes().splitlines()
            except OSError as problem:
                raise ConnectionError(f"{self.option}_file cannot be read: {problem.strerror}") from None
        if not lines or not lines[0].strip():
            where = f"{self.option}_file" if self.file is not None else f"variable {self.variable}"
            raise ConnectionError(f"{where} is empty")
        return lines[0].strip()

    def text(self) -> str:
        """It, as text. Raises ConnectionError."""
        try:
            return self.read().decode()
        except UnicodeDecodeError:
            raise ConnectionError(f"{self.option}_file is no UTF-8 text") from None


def doubts(owner: str, options: Mapping[str, object]) -> Iterator[str]:
    """What is doubtful about the places of somebody's secrets and keys: not there, or open to others. For people."""
    for option, value in options.items():
        _, _, kind = option.rpartition("_")
        if isinstance(value, Path) and (kind == "file" or option == "key"):
            yield from _doubtful(f"{owner}: {option} {value}", value)
        elif kind == "environment" and value and str(value) not in os.environ:
            yield f"{owner}: {option} {value} is not set here"


def _doubtful(told: str, file: Path) -> Iterator[str]:
    try:
        mode = file.stat().st_mode & 0o777
    except OSError as problem:
        yield f"{told}: {problem.strerror}"
        return
    if mode & 0o007:
        yield f"{told} can be read or changed by everybody here (mode {mode:o})"


def take_secrets(site: Path) -> None:
    """Takes the variables that a site's file names out of the environment, for this process alone."""
    try:
        names = {found.decode() for found in _NAMED.findall(site.read_bytes())}
    except OSError:
        return  # who reads the site says so
    for name in names & os.environ.keys():
        _taken[name] = bytearray(os.environb[name.encode()])
        _overwrite(name)
        del os.environ[name]


def forget_secrets() -> None:
    """In a process that was forked from the one that took them."""
    for value in _taken.values():
        value[:] = bytes(len(value))
    _taken.clear()


def _overwrite(name: str) -> None:
    """The variable where the kernel put it, which it shows to others of the same user."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    place = getenv(name.encode())
    if place:
        ctypes.memset(place, ord("x"), len(ctypes.string_at(place)))
