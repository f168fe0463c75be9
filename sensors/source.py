"""The two doors of this package: `Source` (where frames come from) and `Reader` (how a file is read)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sensors.frame import Frame


class Source(Protocol):
    """Where frames come from. Implementations are frozen dataclasses whose fields are their configuration."""

    def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames, in order.

        Raises SourceUnavailable when nobody answers (the gateway calls `frames` again, later);
        raises DecodeError when a device contradicts its profile (it may be set right: called again, but slowly);
        raises another SensorError when retrying cannot help; returns when the data end.
        """
        ...


@runtime_checkable
class Claiming(Protocol):
    """A source that needs something which can be used in one way only, such as a serial port. Optional."""

    @property
    def claim(self) -> tuple[str, str]:
        """What it needs, and how; two sources may need the same thing in the same way."""
        ...


@runtime_checkable
class Measuring(Protocol):
    """A source that says what exactly it measures: two that measure the same are one under two names. Optional."""

    @property
    def measured(self) -> object:
        """Anything that can be compared."""
        ...


@runtime_checkable
class Learning(Protocol):
    """A source that finds out about its device what nobody told it. Optional; who keeps the lessons spares a restart
    from learning them again.
    """

    @property
    def lessons(self) -> tuple[str, ...]:
        """What was learned so far, a line each."""
        ...

    def recall(self, lessons: Sequence[str]) -> None:
        """Takes back what was learned before; a line that says nothing changes nothing."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A source that counts what happened to its requests. Optional."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How often, by kind; up to its last frame, or until its frames ended."""
        ...


class Reader(Protocol):
    """Reads one kind of recorded file. Implementations are frozen dataclasses; fields are their options."""

    def read(self, path: Path, wanted: Sequence[str]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Variables of the file by name, each (n,), those that match a pattern of `wanted`.

        Names are the file's own (nested ones joined by dots); patterns are shell globs, matched with case.
        A pattern that matches nothing is simply absent from the result. Raises RecordingError for a damaged file.
        """
        ...
