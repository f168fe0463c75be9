"""What a service sees of this box: not what lies in /tmp, nor what its user may not read."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

import inversion
import sensors
from inversion.app.install.plan import OURS, STATE, written
from inversion.app.options import Document, Key, read_document
from inversion.core import ConfigurationError
from sensors.tomlfile import dotted

if TYPE_CHECKING:
    from inversion.app.configuration import Site
    from inversion.app.parts import PipelineParts

#: Folders of which a service with PrivateTmp has others of its own; what is in them is gone after a start of the box.
PRIVATE = (Path("/tmp"), Path("/var/tmp"))
_KEPT = "a folder that lasts, such as /etc/inversion or /var/lib/inversion"


@dataclass(frozen=True)
class Needed:
    """A file or folder without which the service does not work. key: of the option that names it, () for none"""

    what: str
    path: Path
    key: Key = ()


def check_installable(site: Site, parts: PipelineParts, command: Path, user: str, root: Path) -> list[str]:
    """Cautions, a line each, about what the service would not be let do as things are.

    Raises ConfigurationError, one line for each thing that it would not find.
    """
    needs = needed(site, parts, command)
    check_seen(read_document(site.path), needs)
    told = [*cautions(needs, written(site), user, root), *_variables(site)]
    return [f"caution: {each}" for each in told]


def needed(site: Site, parts: PipelineParts, command: Path) -> list[Needed]:
    """The site, everything that it names, and the program."""
    several = len(site.sources) > 1
    named: list[tuple[Key, object]] = [
        (("source", i) if several else ("source",), source) for i, source in enumerate(site.sources)
    ]
    named += [(("sink", i), sink) for i, sink in enumerate(site.sinks.values())]
    named += [(("forward",), parts.model), (("engine",), parts.engine), (("limits",), site.limits)]
    found = [Needed("the site", site.path), Needed("the journal", site.journal, ("journal", "path"))]
    for key, part in named:
        found += [Needed(dotted(where), path, where) for where, path in _paths(key, part)]
    packages = [inversion, sensors, *(sys.modules.get(type(part).__module__) for _, part in named)]
    files = [getattr(package, "__file__", None) for package in packages]
    programs = [command, Path(sys.executable), Path(sys.prefix), Path(sys.base_prefix), *(Path(f) for f in files if f)]
    return [*found, *(Needed("the program", path) for path in dict.fromkeys(programs))]


def check_seen(document: Document, needs: Sequence[Needed], private: Sequence[Path] = PRIVATE) -> None:
    """Raises ConfigurationError, one line for each thing that the service would not find."""
    hidden = [need for need in needs if _below(need.path, private)]
    if any(need.what == "the site" for need in hidden):  # what it names beside itself moves with it
        hidden = [need for need in hidden if not need.key]
    complaints: dict[Key | str, str] = {}
    for need in hidden:
        problem = f"must lie in {_KEPT}, found {need.path}: the service has a {_below(need.path, private)} of its own"
        told = f"{problem} (PrivateTmp), where it is not"
        line = str(document.error(need.key, told)) if need.key else f"{document.path}: {need.what} {told}"
        complaints.setdefault(need.key or need.what, line)
    if complaints:
        raise ConfigurationError("\n".join(complaints.values()))


def cautions(needs: Sequence[Needed], folders: Sequence[Path], user: str, root: Path) -> Iterator[str]:
    """What the service would not be let do as things are, for people.

    folders: that it writes to; root: of the system that the unit is for
    """
    for folder in folders:
        there = root / folder.relative_to("/")
        if folder == STATE and user == OURS:
            continue  # systemd makes it
        if not there.is_dir():
            yield f"{folder} is not there, and the service does not start without it: install -d -o {user} {folder}"
        elif root == Path("/") and not _may(there, user, 0o3):
            yield f"{folder} cannot be written by {user}: chown {user} {folder}"
    if root != Path("/"):
        return  # who may read what there nobody knows yet
    if user != OURS and not _known(user):
        yield f"there is no user {user}, as whom the service would run"
    said = set()
    for need in needs:
        stop = _stopped(need.path, user)
        if stop is not None and stop not in said:
            said.add(stop)
            mode = f"{stat.S_IMODE(stop.stat().st_mode):o}"
            yield f"{need.what}: {need.path} cannot be reached by {user}: {stop} has mode {mode}, owner {_owner(stop)}"


def _variables(site: Site) -> Iterator[str]:
    for i, sink in enumerate(site.sinks.values()):
        named: list[str] = [one.name for one in fields(sink)] if is_dataclass(sink) else []
        for option in named:
            variable = getattr(sink, option)
            if option.endswith("_environment") and variable:
                told = f"sink.{i}.{option}: the service gets {variable} only by EnvironmentFile= in a drop-in"
                yield f"{told} (systemctl edit)"


def _paths(key: Key, part: object) -> Iterator[tuple[Key, Path]]:
    """Every path in the fields of a dataclass, of those in it too; globs as the folder that they begin with."""
    if isinstance(part, Path):
        fixed = next((i for i, name in enumerate(part.parts) if has_magic(name)), len(part.parts))
        yield key, Path(*part.parts[:fixed])
    elif isinstance(part, tuple | list):
        for i, each in enumerate(part):
            yield from _paths((*key, i), each)
    elif isinstance(part, Mapping):
        for name, each in part.items():
            yield from _paths((*key, str(name)), each)
    elif is_dataclass(part) and not isinstance(part, type):
        for option in fields(part):
            if option.init:
                yield from _paths((*key, option.name), getattr(part, option.name))


def _below(path: Path, folders: Sequence[Path]) -> Path | None:
    """Which of the folders a path leads through, as it is written or without its links."""
    ways = {path.absolute(), Path(os.path.normpath(path.absolute())), path.resolve()}
    for folder in folders:
        if any(place in (way, *way.parents) for way in ways for place in (folder, folder.resolve())):
            return folder
    return None


def _stopped(path: Path, user: str) -> Path | None:
    """The first folder on the way, or the file, that a user may not pass or read; None where there is no hindrance."""
    place = path.resolve()
    for folder in reversed(place.parents):
        if folder.exists() and not _may(folder, user, 0o1):
            return folder
    return None if not place.exists() or _may(place, user, 0o5 if place.is_dir() else 0o4) else place


def _known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _owner(place: Path) -> str:
    try:
        return place.owner()
    except KeyError:
        return str(place.stat().st_uid)


def _may(place: Path, user: str, bits: int) -> bool:
    """By owner, group and mode alone: a service has no capability that overrides them. A new user is somebody else."""
    try:
        found = place.stat()
    except OSError:
        return True  # who asks may not look himself
    try:
        who = pwd.getpwnam(user)
    except KeyError:
        return stat.S_IMODE(found.st_mode) & bits == bits
    groups = {who.pw_gid, *(group.gr_gid for group in grp.getgrall() if user in group.gr_mem)}
    shift = 6 if found.st_uid == who.pw_uid else 3 if found.st_gid in groups else 0
    return (stat.S_IMODE(found.st_mode) >> shift) & bits == bits
