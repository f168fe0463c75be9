"""Plug-ins: found by entry point, listed with their configuration fields, loaded by name.

In-tree and third-party plug-ins use the same door: a frozen dataclass named in one of the five groups.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, get_type_hints

from inversion.app.nearest import did_you_mean
from inversion.core import ConfigurationError

#: Group to the word people use for it.
GROUPS = {
    "sensors.source": "source",
    "sensors.reader": "reader",
    "inversion.forward": "forward model",
    "inversion.engine": "engine",
    "inversion.sink": "sink",
}

#: What importing somebody else's module may raise; anything else is a fault of the interpreter.
IMPORT_FAILURES = (
    ImportError,
    AttributeError,
    SyntaxError,
    NameError,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AssertionError,
    OSError,
    RuntimeError,
)


class PluginError(ConfigurationError):
    """A plug-in is absent, ambiguous or broken; the message is one line."""


@dataclass(frozen=True)
class Option:
    """One configuration field of a plug-in; `default` is the text to show, None where a value is required."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Listing:
    """One line of `inversion plugins`; `problem` says why it cannot be used, empty where it can."""

    group: str
    name: str
    distribution: str
    target: str
    meaning: str = ""
    options: tuple[Option, ...] = ()
    problem: str = ""


def listings() -> list[Listing]:
    """Every installed plug-in of the five groups, by group and name; a broken one does not hide the others."""
    return [_listing(group, entry) for group in GROUPS for entry in _installed(group)]


def listing_lines(found: Iterable[Listing]) -> list[str]:
    """The listings for people: a heading a group, a line a plug-in, a line an option."""
    lines: list[str] = []
    group = ""
    for listing in found:
        if listing.group != group:
            group = listing.group
            lines.append(f"[{group}]")
        lines.append(f"  {listing.name}  {listing.target}  ({listing.distribution})  {listing.meaning}".rstrip())
        if listing.problem:
            lines.append(f"      cannot be used: {listing.problem}")
        for option in listing.options:
            lines.append(
                f"      {option.name}: {option.type} " + (f"= {option.default}" if option.default else "(required)")
            )
    return lines


def load_plugin(group: str, name: str) -> type[Any]:
    """The dataclass of a plug-in.

    Raises PluginError for a name that is unknown (with the nearest one), offered twice, or broken.
    """
    installed = _installed(group)
    found = [entry for entry in installed if entry.name == name]
    if not found:
        raise PluginError(f"no {GROUPS[group]} {name!r} ({did_you_mean(name, [entry.name for entry in installed])})")
    if len(found) > 1:
        owners = " and ".join(_distribution(entry) for entry in found)
        raise PluginError(f"{GROUPS[group]} {name!r} is offered twice, by {owners}; uninstall one")
    return _import(found[0])


def options(plugin: type[Any]) -> tuple[Option, ...]:
    """The configuration fields of a plug-in, in order."""
    return tuple(
        Option(field.name, _type_text(field.type), _default_text(field))
        for field in dataclasses.fields(plugin)
        if field.init
    )


def option_types(plugin: type[Any]) -> dict[str, Any]:
    """The types of the configuration fields. Raises PluginError where an annotation names nothing."""
    try:
        hints = get_type_hints(plugin)
    except (NameError, TypeError, AttributeError) as error:
        raise PluginError(f"{plugin.__module__}:{plugin.__qualname__}: its annotations are broken: {error}") from error
    return {field.name: hints[field.name] for field in dataclasses.fields(plugin) if field.init}


def _installed(group: str) -> list[EntryPoint]:
    """Entry points by name; one that the same distribution's metadata repeats (an editable install) is kept once."""
    return _found(group, tuple((place, _changed_ns(place)) for place in sys.path))


@lru_cache(maxsize=16)
def _found(group: str, _: tuple[tuple[str, int], ...]) -> list[EntryPoint]:
    """Looked for once, as long as nothing is installed or removed: each look parses every distribution's metadata."""
    found = {(entry.name, entry.value, _distribution(entry)): entry for entry in entry_points(group=group)}
    return [found[key] for key in sorted(found)]


def _changed_ns(place: str) -> int:
    try:
        return Path(place or ".").stat().st_mtime_ns
    except OSError:
        return 0


def _listing(group: str, entry: EntryPoint) -> Listing:
    try:
        plugin = _import(entry)
    except PluginError as error:
        return Listing(group, entry.name, _distribution(entry), entry.value, problem=str(error))
    meaning = (plugin.__doc__ or "").strip().split("\n")[0]
    return Listing(group, entry.name, _distribution(entry), entry.value, meaning, options(plugin))


def _import(entry: EntryPoint) -> type[Any]:
    who = f"plug-in {entry.name!r} of {_distribution(entry)} ({entry.value})"
    try:
        plugin = entry.load()
    except IMPORT_FAILURES as error:
        raise PluginError(f"{who} cannot be imported: {type(error).__name__}: {_one_line(error)}") from error
    if not (isinstance(plugin, type) and dataclasses.is_dataclass(plugin)):
        raise PluginError(f"{who} must be a frozen dataclass, found {type(plugin).__name__}")
    return plugin


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "unknown distribution"


def _type_text(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _default_text(field: dataclasses.Field[Any]) -> str | None:
    if field.default is not dataclasses.MISSING:
        return repr(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "no reason given"
