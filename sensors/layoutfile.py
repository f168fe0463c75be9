"""Layouts as TOML files: read, checked, and every mistake reported as `file:line: key: what`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from sensors.errors import LayoutError
from sensors.layout import ChannelLayout, Layout, StartLayout, ValueLayout, check_asset
from sensors.source import Reader
from sensors.tomlfields import TomlText
from sensors.tomlfile import load

_READERS = "sensors.reader"  # the entry-point group


def load_layout(path: Path) -> Layout:
    """The layout in a TOML file. Raises LayoutError, one line, for a file that is absent or wrong."""
    content, locate = load(path, LayoutError)
    text = TomlText(path, locate, LayoutError)
    text.refuse_unknown((), content, [option.name for option in fields(Layout) if option.name != "path"])
    for name in ("asset", "reader", "channels"):
        if name not in content:
            raise text.wrong((name,), "missing, every layout needs it")
    if "sample_rate" not in content:
        raise text.wrong(("sample_rate",), "missing; a recording without a stated sample rate cannot be read")
    channels = text.table(("channels",), content)
    conditions = text.table(("conditions",), content)
    if not channels:
        raise text.wrong(("channels",), "expected at least one channel, such as [channels.drive_end]")
    if both := set(channels) & set(conditions):
        raise text.wrong(("conditions", min(both)), "a channel has this name too")
    return Layout(
        path=path,
        asset=_asset(text, content["asset"]),
        reader=_reader(text, text.table(("reader",), content)),
        sample_rate=_sample_rate(text, text.table(("sample_rate",), content)),
        channels={name: _part(text, ChannelLayout, ("channels", name), channels) for name in channels},
        conditions={name: _part(text, ValueLayout, ("conditions", name), conditions) for name in conditions},
        start=_part(text, StartLayout, ("start",), content) if "start" in content else None,
    )


def _part(text: TomlText, cls: type[Any], key: tuple[str, ...], parent: Mapping[str, Any]) -> Any:
    return text.build(cls, key, text.table(key, parent))


def _asset(text: TomlText, asset: Any) -> str:
    if not isinstance(asset, str):
        raise text.wrong(("asset",), f"expected a text, found {asset!r}")
    try:
        check_asset(asset)
    except ValueError as problem:
        raise text.wrong(("asset",), str(problem)) from problem
    return asset


def _sample_rate(text: TomlText, table: Mapping[str, Any]) -> ValueLayout:
    rate = text.build(ValueLayout, ("sample_rate",), {"unit": "Hz", **table})
    if rate.unit not in ("Hz", "kHz"):
        raise text.wrong(("sample_rate", "unit"), f"expected 'Hz' or 'kHz', found {rate.unit!r}")
    for value in (*rate.files.values(), *([] if rate.value is None else [rate.value])):
        if not 0 < value < float("inf"):
            raise text.wrong(("sample_rate",), f"expected a positive rate, found {value}")
    return rate


def _reader(text: TomlText, table: Mapping[str, Any]) -> Reader:
    """The reader plug-in named by `use`, with the other keys as its options."""
    use = table.get("use")
    found = {entry.name: entry for entry in entry_points(group=_READERS)}
    if use not in found:
        near = get_close_matches(str(use), found, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(found))}"
        raise text.wrong(("reader", "use"), f"no such reader: {use!r} ({hint})")
    options = {name: value for name, value in table.items() if name != "use"}
    reader: Reader = text.build(found[use].load(), ("reader",), options)
    return reader
