"""Which files a site writes and reads, and where two parts of it would write the same."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from inversion.app.options import Document, Key
from sensors.tomlfile import dotted

if TYPE_CHECKING:
    from inversion.app.configuration import Site

#: Options of a sink that name what it only reads.
READ = re.compile(r"ca|certificate|key|\w+_file")
_WRITTEN = ("path", "file")
_FILLED = ("folder", "directory")
_BESIDE = ("-wal", "-shm", ".lock")  # what SQLite and the gateway keep beside a journal


@runtime_checkable
class Writing(Protocol):
    """A sink that says what it writes; else it is what options such as `path` and `folder` name. Optional."""

    @property
    def writes(self) -> tuple[tuple[str, Path], ...]:
        """Option, and a file; of a series of files in a folder one that stands for all of them."""
        ...


@dataclass(frozen=True)
class Clash:
    """An option that claims what another one has, and in which words it is refused."""

    key: Key
    problem: str


@dataclass(frozen=True)
class Claim:
    """A file that the option at `key` names. written: else it is only read; who: for people"""

    key: Key
    path: Path
    who: str
    written: bool = True

    @cached_property
    def place(self) -> Path:
        """Where it is, by whatever links its path leads there."""
        try:
            return self.path.resolve()
        except (OSError, RuntimeError):  # links in a circle
            return self.path.absolute()

    @cached_property
    def identity(self) -> tuple[int, int] | None:
        """Of a file that is there: it may have several names."""
        found = self._status
        return (found.st_dev, found.st_ino) if found is not None and stat.S_ISREG(found.st_mode) else None

    @property
    def special(self) -> bool:
        """Whether it is there and neither file nor folder, such as /dev/null, which any number may write."""
        found = self._status
        return found is not None and not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))

    @cached_property
    def _status(self) -> os.stat_result | None:
        try:
            return self.place.stat()
        except OSError:
            return None


def files_of(
    document: Document, site: Site, sources: Sequence[tuple[Key, object]], sinks: Sequence[tuple[Key, object]]
) -> list[Claim]:
    """Of a whole site; what a sink writes comes last."""
    found = [Claim((), site.path, "this site is read from", written=False)]
    for key, source in sources:
        found += _read(document, key, source, [one.name for one in fields(source)] if is_dataclass(source) else [])
    for key, sink in sinks:
        named = [one.name for one in fields(sink) if READ.fullmatch(one.name)] if is_dataclass(sink) else []
        found += _read(document, key, sink, named)
    found += _of_journal(document, site)
    for key, sink in sinks:
        for option, path in _written(sink):
            found.append(Claim((*key, option), path, _writer(document, (*key, option))))
    return [claim for claim in found if not claim.special]


def clashes(document: Document, claims: Sequence[Claim]) -> Iterator[Clash]:
    """Each claim on a file that an earlier one has, one of them for writing."""
    for i, claim in enumerate(claims):
        blocked = next((place for place in claim.place.parents if place.exists()), claim.place)
        if claim.written and blocked.is_file():
            yield Clash(claim.key, f"must lie in a folder, found {claim.path} below the file {blocked}")
            continue
        for before in claims[:i]:
            if not (before.written or claim.written):
                continue
            problem = _problem(before, claim)
            if problem:
                yield Clash(claim.key, problem)
                break


def _problem(before: Claim, claim: Claim) -> str:
    same = before.place == claim.place or (before.identity is not None and before.identity == claim.identity)
    if same:
        return f"must be a file of its own, found {claim.path}: that is what {before.who}"
    if before.place in claim.place.parents:
        return f"must lie in a folder, found {claim.path} below what {before.who}"
    if claim.place in before.place.parents:
        return f"must be a file of its own, found {claim.path}: that is a folder in which lies what {before.who}"
    return ""


def _read(document: Document, key: Key, part: object, options: Sequence[str]) -> Iterator[Claim]:
    for option in options:
        value = getattr(part, option, None)
        for path in value if isinstance(value, tuple) else (value,):
            if isinstance(path, Path) and not has_magic(str(path)):
                named = (*key, option)
                yield Claim(named, path, f"{dotted(named)} (line {document.locate(named)}) reads", written=False)


def _of_journal(document: Document, site: Site) -> Iterator[Claim]:
    key: Key = ("journal", "path")
    who = _writer(document, key) if "path" in document.content.get("journal", {}) else "is written as the journal"
    yield Claim(key, site.journal, who)
    for suffix in _BESIDE:
        yield Claim(key, site.journal.with_name(f"{site.journal.name}{suffix}"), "the journal keeps beside itself")
    if site.evidence.keep != "none":
        yield Claim(key, site.journal.with_suffix(".evidence") / "*.bundle", "is kept as evidence beside the journal")


def _written(sink: object) -> Sequence[tuple[str, Path]]:
    if isinstance(sink, Writing):
        return sink.writes
    named = [(option, getattr(sink, option, None)) for option in (*_WRITTEN, *_FILLED)]
    return [(option, path / "*" if option in _FILLED else path) for option, path in named if isinstance(path, Path)]


def _writer(document: Document, key: Key) -> str:
    return f"{dotted(key)} (line {document.locate(key)}) writes"
