"""TOML files that people wrote: loaded with the line of every key, so that a message can say where."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from sensors.errors import SensorError

#: The parts of a key: names, and the number of an element in an array.
Key = str | Sequence[str | int]

#: The line of a key, or of the nearest table that holds it where the key is absent; 1 for the file itself.
Locate = Callable[[Key], int]

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LITERAL = re.compile(r"'''.*?'{3,5}|'[^'\n]*'", re.DOTALL)
_BASIC = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|"(?:\\.|[^"\\\n])*"', re.DOTALL)
_PLAIN = re.compile(r"[^,\]}#\n]+")  # numbers, booleans, dates
_COMMA = re.compile(r"=\s*[+-]?\d+,\d+\s*(#.*)?$")
_AT = re.compile(r"(.*) \(at line (\d+), column (\d+)\)", re.DOTALL)


def load(path: Path, error: type[Exception] = SensorError) -> tuple[dict[str, Any], Locate]:
    """The content of a TOML file, and `locate`.

    `locate("source.tone_hz")` or `locate(["alarm", 0, "limit"])` is the line of that key, counted from 1.
    Raises `error` with one line, `file:line: what`, for a file that is absent, unreadable or no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        line = problem.object.count(b"\n", 0, problem.start) + 1
        raise error(f"{path}:{line}: must be UTF-8 text, found byte 0x{problem.object[problem.start]:02x}") from problem
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        found = _AT.match(str(problem))
        line = int(found[2]) if found else text.rstrip("\n").count("\n") + 1
        what = f"{found[1]} (column {found[3]})" if found else str(problem)
        if _COMMA.search(text.split("\n")[line - 1]):
            what += "; decimals take a point"
        raise error(f"{path}:{line}: no valid TOML: {what}") from problem
    except ValueError as problem:
        raise error(f"{path}: no valid TOML: a whole number has thousands of digits") from problem
    except RecursionError as problem:
        raise error(f"{path}: no valid TOML: lists are nested too deeply") from problem
    return content, locator(text)


def no_such_option(path: Path, locate: Locate, key: Key, known: Iterable[str]) -> str:
    """`configs/fan.toml:12: source.tone_hertz: no such option (did you mean 'tone_hz'?)`.

    Where nothing known is near, the known names are listed instead.
    """
    parts = _parts(key)
    names = sorted(known)
    near = get_close_matches(str(parts[-1]), names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    return f"{path}:{locate(key)}: {dotted(key)}: no such option ({hint})"


def dotted(key: Key) -> str:
    """A key for people: `alarm.0.limit`."""
    return ".".join(str(part) for part in _parts(key))


def locator(text: str) -> Locate:
    """`locate` for a text that is known to be valid TOML."""
    scanned = cache(_Scanner(text).lines)  # not before somebody asks: most files are right

    def locate(key: Key) -> int:
        parts, lines = _parts(key), scanned()
        return next((lines[parts[:n]] for n in range(len(parts), 0, -1) if parts[:n] in lines), 1)

    return locate


def _parts(key: Key) -> tuple[str | int, ...]:
    """`"alarm.0.limit"` and `["alarm", 0, "limit"]` are the same key."""
    if isinstance(key, str):
        return tuple(int(part) if part.isdigit() else part for part in key.split("."))
    return tuple(key)


class _Scanner:
    """Walks through a valid TOML text once and notes where each key stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[tuple[str | int, ...], int] = {}
        self._elements: dict[tuple[str | int, ...], int] = {}  # arrays of tables: how many so far

    def lines(self) -> dict[tuple[str | int, ...], int]:
        table: tuple[str | int, ...] = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._take(_BLANK)
        return self._lines

    def _header(self) -> tuple[str | int, ...]:
        line = self._line()
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        names = self._key()
        self._at += 2 if array else 1
        table = self._resolve(names[:-1]) + names[-1:]
        if array:
            number = self._elements.get(table, 0)
            self._elements[table] = number + 1
            self._note(table, line)
            table = (*table, number)
        else:
            table = self._resolve(names)
        self._note(table, line)
        return table

    def _resolve(self, names: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """A name in a header means the last element where it names an array of tables."""
        path: tuple[str | int, ...] = ()
        for name in names:
            path = (*path, name)
            if path in self._elements:
                path = (*path, self._elements[path] - 1)
        return path

    def _pair(self, table: tuple[str | int, ...]) -> None:
        line = self._line()
        path = table + self._key()
        self._note(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _value(self, path: tuple[str | int, ...]) -> None:
        self._take(_SPACE)
        start = self._text[self._at]
        if start == "[":
            self._array(path)
        elif start == "{":
            self._inline_table(path)
        else:
            self._take(_BASIC if start == '"' else _LITERAL if start == "'" else _PLAIN)

    def _array(self, path: tuple[str | int, ...]) -> None:
        self._at += 1
        number = 0
        self._take(_BLANK)
        while self._text[self._at] != "]":
            self._note((*path, number), self._line())
            self._value((*path, number))
            number += 1
            self._take(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._take(_BLANK)
        self._at += 1

    def _inline_table(self, path: tuple[str | int, ...]) -> None:
        self._at += 1
        self._take(_BLANK)
        while self._text[self._at] != "}":
            self._pair(path)
            self._take(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._take(_BLANK)
        self._at += 1

    def _key(self) -> tuple[str | int, ...]:
        names: list[str | int] = []
        while True:
            self._take(_SPACE)
            start = self._text[self._at]
            if start in "\"'":
                quoted = self._take(_BASIC if start == '"' else _LITERAL)
                names.append(str(tomllib.loads(f"k = {quoted}")["k"]))
            else:
                names.append(self._take(_BARE))
            self._take(_SPACE)
            if self._text[self._at] != ".":
                return tuple(names)
            self._at += 1

    def _note(self, path: tuple[str | int, ...], line: int) -> None:
        for n in range(1, len(path) + 1):
            self._lines.setdefault(path[:n], line)

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise AssertionError(f"a valid TOML text has no {self._text[self._at : self._at + 20]!r} here")
        self._at = found.end()
        return found[0]
