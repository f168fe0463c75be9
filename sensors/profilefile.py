"""Device profiles as TOML files: read, checked, and every mistake reported as `file:line: key: found, expected`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sensors.capture import Capture, Page, Start, Status, WaveformBlock
from sensors.errors import ProfileError
from sensors.profile import Device, Profile, Register
from sensors.registers import BIT_TABLES
from sensors.tomlfields import TomlText
from sensors.tomlfile import dotted, load

Key = tuple[str | int, ...]
Table = Mapping[str, Any]

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
    content, locate = load(path, ProfileError)
    text = TomlText(path, locate, ProfileError)
    text.refuse_unknown((), content, ("device", "register", "capture"))
    device = text.build(Device, ("device",), text.table(("device",), content))
    registers = tuple(_register(text, key, table, device) for key, table in _tables(text, ("register",), content))
    capture = _capture(text, text.table(("capture",), content), device) if "capture" in content else None
    return text.build(Profile, (), {}, device=device, registers=registers, capture=capture)


def _register(text: TomlText, key: Key, table: Table, device: Device) -> Register:
    kind = "bool" if table.get("table") in BIT_TABLES else "uint16"
    return text.build(Register, key, {"kind": kind, "word_order": device.word_order, **table})


def _capture(text: TomlText, capture: Table, device: Device) -> Capture:
    key = ("capture",)
    start = text.build(Start, (*key, "start"), text.table((*key, "start"), capture))
    status = text.build(Status, (*key, "status"), text.table((*key, "status"), capture))
    waveforms = tuple(
        _waveform(text, below, table, device) for below, table in _tables(text, (*key, "waveform"), capture)
    )
    rest = {name: value for name, value in capture.items() if name not in {"start", "status", "waveform"}}
    return text.build(Capture, key, rest, start=start, status=status, waveforms=waveforms)


def _waveform(text: TomlText, key: Key, table: Table, device: Device) -> WaveformBlock:
    page = text.build(Page, (*key, "page"), text.table((*key, "page"), table)) if "page" in table else None
    rest = {name: value for name, value in table.items() if name != "page"}
    return text.build(WaveformBlock, key, {"word_order": device.word_order, **rest}, page=page)


def _tables(text: TomlText, key: Key, parent: Table) -> list[tuple[Key, Table]]:
    """The tables of an array of tables, each with its key; none where it is absent."""
    tables = parent.get(str(key[-1]), [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise text.wrong(key, f"expected tables, each under its own [[{dotted(key)}]]")
    return [((*key, i), table) for i, table in enumerate(tables)]
