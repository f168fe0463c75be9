"""Device profiles as TOML files: read, checked, and every mistake reported as `file:line: key: found, expected`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from sensors.addresses import read_address
from sensors.capture import Capture, Page, Setup, Start, Status, WaveformBlock
from sensors.errors import ProfileError
from sensors.profile import Device, Profile, Register, Text
from sensors.registers import BIT_TABLES
from sensors.tomlfields import TomlText
from sensors.tomlfile import dotted, load

Key = tuple[str | int, ...]
Table = Mapping[str, Any]
T = TypeVar("T")

SHIPPED = Path(__file__).parent / "profiles"


def shipped_profiles() -> tuple[str, ...]:
    """Names of the profiles that come with this package."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def profile_path(profile: str | Path) -> Path:
    """The file of a profile: a path that ends in `.toml`, or the shipped profile of that name (its folder is ignored).

    Raises ValueError for a name that is not shipped.
    """
    path = Path(profile)
    if path.suffix == ".toml":
        return path
    if path.name not in shipped_profiles():
        raise ValueError(
            f"profile must be a path that ends in .toml or one of {', '.join(shipped_profiles())}, got {path.name!r}"
        )
    return SHIPPED / f"{path.name}.toml"


def load_profile(profile: str | Path) -> Profile:
    """The profile in that file, or the shipped one of that name; see `profile_path`.

    Raises ProfileError, one line, for a profile that is absent or wrong, and ValueError for a name that is not shipped.
    """
    path = profile_path(profile)
    try:
        changed_ns = path.stat().st_mtime_ns
    except OSError:
        changed_ns = 0
    return _loaded(path, changed_ns)


@lru_cache(maxsize=32)
def _loaded(path: Path, _: int) -> Profile:
    """Once for all devices of a kind, until the file changes."""
    content, locate = load(path, ProfileError)
    text = TomlText(path, locate, ProfileError)
    text.refuse_unknown((), content, ("device", "register", "text", "capture"))
    device = text.build(Device, ("device",), text.table(("device",), content))
    parts = _Parts(text, device)
    registers = tuple(parts.register(key, table) for key, table in parts.tables(("register",), content))
    texts = tuple(parts.text_of(key, table) for key, table in parts.tables(("text",), content))
    capture = parts.capture(text.table(("capture",), content)) if "capture" in content else None
    return text.build(Profile, (), {}, device=device, registers=registers, capture=capture, texts=texts)


@dataclass(frozen=True)
class _Parts:
    """Builds the parts of a profile: what they do not say, the device does."""

    text: TomlText
    device: Device

    def register(self, key: Key, table: Table) -> Register:
        table = self._placed(key, table)
        kind = "bool" if table.get("table") in BIT_TABLES else "uint16"
        return self.text.build(Register, key, {"kind": kind, "order": self.device.order, **table})

    def text_of(self, key: Key, table: Table) -> Text:
        return self.text.build(Text, key, self._placed(key, table))

    def capture(self, capture: Table) -> Capture:
        key: Key = ("capture",)
        start = self._at(Start, (*key, "start"), capture)
        status = self._at(Status, (*key, "status"), capture)
        setup = tuple(
            self.text.build(Setup, below, self._placed(below, table))
            for below, table in self.tables((*key, "setup"), capture)
        )
        waveforms = tuple(self._waveform(below, table) for below, table in self.tables((*key, "waveform"), capture))
        rest = {name: value for name, value in capture.items() if name not in {"start", "status", "setup", "waveform"}}
        return self.text.build(Capture, key, rest, start=start, status=status, setup=setup, waveforms=waveforms)

    def _waveform(self, key: Key, table: Table) -> WaveformBlock:
        page = self._at(Page, (*key, "page"), table) if "page" in table else None
        rest = {name: value for name, value in table.items() if name != "page"}
        if rest.get("table") not in ("file", "fifo"):
            rest = {**self._placed(key, rest)}
        return self.text.build(WaveformBlock, key, {"order": self.device.order, **rest}, page=page)

    def _at(self, cls: type[T], key: Key, parent: Table) -> T:
        return self.text.build(cls, key, self._placed(key, self.text.table(key, parent)))

    def _placed(self, key: Key, table: Table) -> Table:
        """The table with a 0-based address, and the table of registers where the notation names it."""
        written, named = table.get("address"), table.get("table")
        traditional = isinstance(written, str)
        if not traditional and (self.device.base == 0 or not isinstance(written, int) or isinstance(written, bool)):
            return table
        if named is not None and not isinstance(named, str):
            return table
        try:
            address, found = read_address(written, named, self.device.base)  # type: ignore[arg-type]
        except ValueError as problem:
            raise self.text.wrong((*key, "address"), str(problem).removeprefix("address: ")) from problem
        return {**table, "address": address, **({} if found is None else {"table": found})}

    def tables(self, key: Key, parent: Table) -> list[tuple[Key, Table]]:
        """The tables of an array of tables, each with its key; none where it is absent."""
        tables = parent.get(str(key[-1]), [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.text.wrong(key, f"expected tables, each under its own [[{dotted(key)}]]")
        return [((*key, i), table) for i, table in enumerate(tables)]
