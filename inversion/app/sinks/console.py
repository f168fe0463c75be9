"""Findings for people: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

_COLUMNS = ("asset", "parameter", "value", "interval", "limit", "probability", "state", "to the limit")
_TIMES = (("d", 1.0), ("h", 24.0), ("min", 1440.0), ("s", 86400.0))
_STYLES = {"active": "bold red", "pending": "yellow", "clearing": "yellow", "normal": "green"}


@dataclass(frozen=True)
class ConsoleSink:
    """Shows the newest finding of every asset, as tracked along time, on standard output.

    Where its reader has gone (`inversion run ... | head`) it shows nothing any more; the journal has every finding.
    """

    _screen: Any = field(default_factory=lambda: _Screen(), init=False, repr=False, compare=False)

    @property
    def takes(self) -> tuple[tuple[str, str, str], ...]:
        """What no other sink may have."""
        return (("use", "standard output", "each would draw its table over the other's"),)

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Shows them, in order."""
        self._screen.show(findings)

    async def close(self) -> None:
        """Leaves the terminal as it was, the last table on it."""
        self._screen.close()


@dataclass
class _Screen:
    """The newest finding of every asset, and the live table where there is one."""

    newest: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    live: Live | None = None

    def show(self, findings: Sequence[Mapping[str, Any]]) -> None:
        console = Console()
        self.newest |= {finding["asset"]: finding for finding in findings}
        if console.is_terminal:
            self._draw(console)
            return
        try:
            sys.stdout.writelines(f"{plain_line(finding)}\n" for finding in findings)
            sys.stdout.flush()
        except BrokenPipeError:
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())  # what is still buffered, and all that follows

    def _draw(self, console: Console) -> None:
        if self.live is None:
            self.live = Live(console=console, auto_refresh=False)
            self.live.start()
        self.live.update(table(self.newest.values()), refresh=True)

    def close(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None


def table(findings: Iterable[Mapping[str, Any]]) -> Table:
    """One row a parameter of every asset; where it has alarms, one row an alarm. Dim: not resolvable, no limit."""
    drawn = Table(*_COLUMNS)
    for finding in findings:
        for name, value in _shown(finding).items():
            alarms = [alarm for alarm in finding["alarms"] if alarm["parameter"] == name]
            style = None if value["resolvable"] or alarms else "dim"
            for alarm in alarms or [None]:
                drawn.add_row(finding["asset"], name, *_value(value), *_alarm(alarm), _until(value, alarm), style=style)
        for alarm in finding["alarms"]:
            if alarm["parameter"] is None:
                drawn.add_row(finding["asset"], alarm["condition"], "", finding["fit"]["reason"], *_alarm(alarm), "")
    return drawn


def plain_line(finding: Mapping[str, Any]) -> str:
    """`2026-11-21T05:00:00 fan: outer_spall 3.2 mm (3 to 3.4 mm); outer spall above limit: active (P 0.970)`.

    Only what is resolvable or has a limit.
    """
    limited = {alarm["parameter"] for alarm in finding["alarms"]}
    parts = []
    for name, value in _shown(finding).items():
        middle, interval = _value(value)
        if middle or name in limited:
            parts.append(f"{name} {middle} ({interval})" if middle else f"{name} {interval}")
    parts = parts or ["nothing resolvable"]
    for alarm in finding["alarms"]:
        until = _until(_shown(finding).get(alarm["parameter"], {}), alarm)
        parts.append(f"{alarm['name']}: {alarm['state']} (P {_probability(alarm)})" + (f", {until}" if until else ""))
    if finding["fit"]["quality"] != "good":
        parts.append(f"{finding['fit']['quality']}: {finding['fit']['reason']}")
    return f"{finding['start'][:19]} {finding['asset']}: {'; '.join(parts)}"


def _shown(finding: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is known of the asset along time; of the window where nothing is tracked."""
    shown: Mapping[str, Any] = finding["track"] or finding["parameters"]
    return shown


def _value(value: Mapping[str, Any]) -> tuple[str, str]:
    """The value and its interval; a parameter that is not resolvable has no value."""
    unit = "" if value["unit"] == "1" else f" {value['unit']}"
    if not value["resolvable"]:
        return "", f"not resolvable, below {value['high']:.3g}{unit}"
    return f"{value['mean']:.3g}{unit}", f"{value['low']:.3g} to {value['high']:.3g}{unit}"


def _alarm(alarm: Mapping[str, Any] | None) -> tuple[str, str, Text]:
    if alarm is None:
        return "", "", Text("")
    if alarm["limit"] is None:
        return "", _probability(alarm), Text(alarm["state"], _STYLES.get(alarm["state"], ""))
    sign = ">" if alarm["side"] == "above" else "<"
    days = alarm.get("within_days", 0)
    limit = f"{sign} {alarm['limit']:g} {alarm['unit']}" + (f" in {days:g} d" if days else "")
    return limit, _probability(alarm), Text(alarm["state"], _STYLES.get(alarm["state"], ""))


def _probability(alarm: Mapping[str, Any]) -> str:
    return "unknown" if alarm["probability"] is None else f"{alarm['probability']:.3f}"


def _until(value: Mapping[str, Any], alarm: Mapping[str, Any] | None) -> str:
    """When the alarm's limit will be passed; empty where nothing is foretold, or it has been."""
    told = [each for each in value.get("time_to_limit", ()) if alarm is not None and each["alarm"] == alarm["name"]]
    if not told or told[0]["high"] == 0:
        return ""
    low, high = told[0]["low"], told[0]["high"]
    if low is None:
        return "no crossing foreseen"
    unit, factor = next((u, f) for u, f in _TIMES if (low if high is None else high) * f >= 2 or u == "s")
    return (
        f"{low * factor:.2g} {unit} or later" if high is None else f"{low * factor:.2g} to {high * factor:.2g} {unit}"
    )
