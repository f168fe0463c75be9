"""A table of a TOML file to a frozen dataclass: its fields are the keys that may be written."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from sensors.tomlfile import Key, Locate, dotted, no_such_option

T = TypeVar("T")

_SAID: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    datetime: "a date and time",
}

_NAMED = re.compile(r"(\w+(?:\.\w+)*): (.+)", re.DOTALL)


@dataclass(frozen=True)
class TomlText:
    """A file while it is read: it knows how to say where something is wrong.

    error: what is raised, with one line `file:line: key: what`
    """

    path: Path
    locate: Locate
    error: type[Exception]

    def wrong(self, key: Key, what: str) -> Exception:
        """The error to raise about a key."""
        return self.error(f"{self.path}:{self.locate(key)}: {dotted(key)}: {what}")

    def table(self, key: tuple[str | int, ...], parent: Mapping[str, Any]) -> Mapping[str, Any]:
        """The table whose name in `parent` is the last part of `key`; empty where it is absent."""
        table = parent.get(str(key[-1]), {})
        if not isinstance(table, dict):
            raise self.wrong(key, f"expected a table, found {_shown(table)}")
        return table

    def refuse_unknown(self, key: tuple[str | int, ...], table: Mapping[str, Any], known: Iterable[str]) -> None:
        """Raises for the first key of the table that is not known, and names the nearest that is."""
        known = list(known)
        for name in table:
            if name not in known:
                raise self.error(no_such_option(self.path, self.locate, (*key, name), known))

    def build(self, cls: type[T], key: tuple[str | int, ...], table: Mapping[str, Any], **parts: Any) -> T:
        """`cls` from the table at `key`: unknown and missing keys, wrong types and its own ValueErrors are said.

        A ValueError that begins with a key below `key`, such as `scale: found 0, ...`, is said of that key.
        parts: fields that are built already
        """
        options = [option for option in fields(cls) if option.init and option.name not in parts]  # type: ignore[arg-type]
        self.refuse_unknown(key, table, [option.name for option in options])
        hints = get_type_hints(cls)
        values = {}
        for option in options:
            hint = hints[option.name]
            if option.name in table:
                value = _plain(table[option.name])
                if not _fits(value, hint):
                    found = _shown(table[option.name])
                    raise self.wrong((*key, option.name), f"expected {_said(hint)}, found {found}")
                values[option.name] = value
            elif option.default is MISSING and option.default_factory is MISSING:
                raise self.wrong((*key, option.name), f"missing, expected {_said(hint)}")
        try:
            return cls(**values, **parts)
        except ValueError as problem:
            named = _NAMED.fullmatch(str(problem))
            inner = () if named is None else _parts(named[1])
            raise self.wrong((*key, *inner), str(problem) if named is None else named[2]) from problem


def _parts(key: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdigit() else part for part in key.split("."))


def _plain(value: Any) -> Any:
    """Lists of a TOML file as the tuples of a dataclass."""
    return tuple(_plain(part) for part in value) if isinstance(value, list) else value


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(value, bool):
        return hint is bool
    if isinstance(value, int) and not -(2**63) <= value < 2**63:  # beyond what TOML promises
        return False
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(part, parts[0]) for part in value)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, dict) and all(_fits(part, parts[1]) for part in value.values())
    if hint is float:
        return isinstance(value, (int, float))
    return isinstance(value, hint) if isinstance(hint, type) else True


def _said(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_said(part) for part in parts if part is not type(None))
    if origin is tuple:
        return f"a list, each {_said(parts[0])}"
    if origin is not None and issubclass(origin, Mapping):
        return f"a table, each {_said(parts[1])}"
    return _SAID.get(hint, str(hint))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else repr(value)
