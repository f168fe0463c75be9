"""What a journal holds, and what can go wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inversion.core import InversionError


class JournalError(InversionError):
    """The journal cannot be used; waiting never helps."""


class JournalUnavailable(InversionError):
    """The journal cannot be written now (a full disk, say); nothing was stored, and waiting may help."""


#: Of records.
KINDS = ("finding", "alarm", "event")


@dataclass(frozen=True)
class Event:
    """Something that happened beside the findings. time_ns: UTC; `text` is one line for people."""

    time_ns: int
    kind: str
    text: str
    asset: str = ""

    def record(self) -> Record:
        """As it is journalled."""
        return Record("event", self.asset, self.time_ns, {"kind": self.kind, "text": self.text})


@dataclass(frozen=True)
class Record:
    """One thing to journal. kind: "finding", "alarm" or "event"; time_ns: UTC, now; body: its JSON contract."""

    kind: str
    asset: str
    time_ns: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """A journalled record, by its number.

    (journal, asset, sequence) names it for ever: a sink that gets it twice can tell.
    """

    number: int
    kind: str
    asset: str
    sequence: int
    journal: str
    time_ns: int
    body: Mapping[str, Any]


@dataclass
class Batch:
    """What one transaction stores: all of it, or nothing.

    states: by asset, after the findings; fingerprint: of the parameters that the states are about
    cycles: life cycle by (asset, alarm); cursors: last record by sink; answers: by number of an operator's request
    """

    records: list[Record] = field(default_factory=list)
    states: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    fingerprint: str = ""
    cycles: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.records or self.states or self.cycles or self.cursors or self.answers)


@dataclass(frozen=True)
class Standing:
    """How far one sink is. produced = delivered + buffered + dropped, always; all four count records."""

    sink: str
    produced: int
    delivered: int
    buffered: int
    dropped: int
