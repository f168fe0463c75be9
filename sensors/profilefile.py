"""Device profiles as TOML files: read, checked, and every mistake reported as `file:line: key: found, expected`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from sensors.errors import ProfileError
from sensors.profile import Capture, Page, Profile, Register, Start, Status, WaveformBlock
from sensors.registers import BIT_TABLES, WORD_ORDERS
from sensors.tomlfile import Locate, dotted, load, no_such_option

T = TypeVar("T")
Key = tuple[str | int, ...]

SHIPPED = Path(__file__).parent / "profiles"

#: What TOML may hold where a field is annotated so, and how that is said.
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "float | str": ((int, float, str), "a number of Hz or the name of a register"),
    "tuple[int, ...]": ((list,), "a list of whole numbers"),
}


def shipped_profiles() -> tuple[str, ...]:
    """Names of the profiles that come with this package."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def load_profile(profile: str | Path) -> Profile:
    """The profile in that file (a path ends in `.toml`), or the shipped one of that name (its folder is ignored).

    Raises ProfileError, one line, for a profile that is absent or wrong.
    """
    path = Path(profile)
    if path.suffix != ".toml":
        path = SHIPPED / f"{path.name}.toml"
        if not path.is_file():
            raise ProfileError(
                f"profile: found {path.stem!r}, expected a path that ends in .toml "
                f"or one of the shipped profiles: {', '.join(shipped_profiles())}"
            )
    content, locate = load(path, ProfileError)
    return _File(path, locate).profile(content)


@dataclass(frozen=True)
class _File:
    """One profile file while it is read: it knows how to say where something is wrong."""

    path: Path
    locate: Locate

    def profile(self, content: dict[str, Any]) -> Profile:
        self._known((), content, {"device", "register", "capture"})
        device = self._table(("device",), content)
        self._known(("device",), device, {"name", "reference", "block", "word_order"})
        word_order = device.pop("word_order", "big")
        if word_order not in WORD_ORDERS:
            raise self._wrong(("device", "word_order"), f"found {word_order!r}, expected 'big' or 'little'")
        registers = tuple(
            self._register(("register", i), table, word_order) for i, table in self._tables(("register",), content)
        )
        capture = self._capture(content, word_order) if "capture" in content else None
        # a wrong block is a key of [device], so the message of Profile names it in full
        return self._build(Profile, (), device, registers=registers, capture=capture, below=("device",))

    def _register(self, key: Key, table: dict[str, Any], word_order: str) -> Register:
        kind = "bool" if table.get("table") in BIT_TABLES else "uint16"
        return self._build(Register, key, {"kind": kind, "word_order": word_order, **table})

    def _capture(self, content: dict[str, Any], word_order: str) -> Capture:
        key: Key = ("capture",)
        capture = self._table(key, content)
        start = self._build(Start, (*key, "start"), self._table((*key, "start"), capture))
        status = self._build(Status, (*key, "status"), self._table((*key, "status"), capture))
        blocks = tuple(
            self._waveform((*key, "waveform", i), table, word_order)
            for i, table in self._tables((*key, "waveform"), capture)
        )
        rest = {name: value for name, value in capture.items() if name not in {"start", "status", "waveform"}}
        return self._build(Capture, key, rest, start=start, status=status, waveforms=blocks)

    def _waveform(self, key: Key, table: dict[str, Any], word_order: str) -> WaveformBlock:
        rest = {name: value for name, value in table.items() if name != "page"}
        page = self._build(Page, (*key, "page"), self._table((*key, "page"), table)) if "page" in table else None
        return self._build(WaveformBlock, key, {"word_order": word_order, **rest}, page=page)

    def _build(self, cls: type[T], key: Key, table: Mapping[str, Any], below: Key = (), **parts: Any) -> T:
        """`cls` from a table of the file and parts that are built already; its ValueError gets file, line and key."""
        options = {f.name: f for f in fields(cls) if f.name not in parts}  # type: ignore[arg-type]
        self._known((*key, *below), table, options)
        for name, option in options.items():
            if name in table:
                self._check_type((*key, *below, name), table[name], str(option.type))
            elif option.default is MISSING:
                raise self._wrong((*key, *below, name), f"missing, expected {_TYPES[str(option.type)][1]}")
        values = {name: _plain(value) for name, value in table.items()}
        try:
            return cls(**values, **parts)
        except ValueError as problem:
            where, _, what = str(problem).partition(": ")
            inner = tuple(int(part) if part.isdigit() else part for part in where.split("."))
            raise self._wrong((*key, *inner), what) from None

    def _check_type(self, key: Key, value: Any, annotation: str) -> None:
        types, expected = _TYPES[annotation]
        if isinstance(value, bool) or not isinstance(value, types):
            raise self._wrong(key, f"found {value!r}, expected {expected}")
        if isinstance(value, list) and not all(type(part) is int for part in value):
            raise self._wrong(key, f"found {value!r}, expected {expected}")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise self._wrong(key, f"found a number of {value.bit_length()} bits, expected {expected} of 64 bits")

    def _table(self, key: Key, parent: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of the table at `key`, whose last part is its name in `parent`."""
        table = parent.get(str(key[-1]))
        if table is None:
            raise self._wrong(key, "missing, expected a table")
        if not isinstance(table, dict):
            raise self._wrong(key, f"found {table!r}, expected a table")
        return dict(table)

    def _tables(self, key: Key, parent: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
        tables = parent.get(str(key[-1]), [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self._wrong(key, f"expected tables, each with its own [[{dotted(key)}]]")
        return list(enumerate(tables))

    def _known(self, key: Key, table: Mapping[str, Any], known: Any) -> None:
        for name in table:
            if name not in known:
                raise ProfileError(no_such_option(self.path, self.locate, (*key, name), known))

    def _wrong(self, key: Key, what: str) -> ProfileError:
        return ProfileError(f"{self.path}:{self.locate(key)}: {dotted(key)}: {what}")


def _plain(value: Any) -> Any:
    """Lists of a TOML file as the tuples of a dataclass."""
    return tuple(value) if isinstance(value, list) else value
