"""How everything stands, as a server tells it: the newest finding of every asset, the state of every alarm.

A value that cannot be relied on is no number: NaN, and a status that says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from inversion.alerts.lifecycle import HIDDEN, LifeCycle
from inversion.app.journal import Entry


class Status(IntEnum):
    """Whether a parameter's value can be relied on."""

    NOTHING = 0  # nothing was told yet
    RESOLVED = 1  # the value holds, with its interval
    NOT_RESOLVABLE = 2  # no value; the data bound it by the interval
    BAD = 3  # the data of the newest window are bad
    STALE = 4  # nothing new for too long


QUALITIES = {"good": 1, "uncertain": 2, "bad": 3}


@dataclass(frozen=True)
class Value:
    """One parameter as it can be told now, in its unit; NaN where there is no number."""

    status: Status = Status.NOTHING
    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    unit: str = ""


@dataclass(frozen=True)
class Annunciation:
    """One alarm. calls: its condition stands, or it is latched, and nobody has put it aside.

    state: as `inversion.alerts.lifecycle` names it; active: the condition stands, whatever operators did
    """

    state: str = "normal"
    active: bool = False

    @property
    def calls(self) -> bool:
        return self.state in ("unacknowledged", "acknowledged", "latched unacknowledged", "latched acknowledged")

    @property
    def unacknowledged(self) -> bool:
        """Whether nobody has seen it."""
        return self.state.endswith("unacknowledged")


@dataclass
class _Latest:
    finding: Mapping[str, Any]
    sequence: int
    told_s: float  # monotonic, when it was made


@dataclass
class Picture:
    """Kept from records; every question says what time it is, monotonic seconds.

    stale_s: an asset of which nothing new came for so long has no values
    """

    stale_s: float
    _assets: dict[str, _Latest] = field(default_factory=dict)
    _alarms: dict[tuple[str, str], Annunciation] = field(default_factory=dict)
    records: int = 0

    def recall(
        self, last: Sequence[Entry], cycles: Mapping[tuple[str, str], Mapping[str, Any]], now_ns: int, now_s: float
    ) -> None:
        """Takes what the journal holds from before. now_ns: UTC"""
        self.take(last, now_ns, now_s)
        self.records = 0
        for key, cycle in cycles.items():
            told = LifeCycle.from_dict(cycle)
            self._alarms[key] = Annunciation(told.state, told.active)

    def take(self, entries: Sequence[Entry], now_ns: int, now_s: float) -> None:
        """Goes on by these records. A clock that was set back makes nothing younger than new."""
        for entry in entries:
            self.records += 1
            if entry.kind == "finding":
                age_s = max(0.0, (now_ns - entry.time_ns) / 1e9)
                self._assets[entry.asset] = _Latest(entry.body, entry.sequence, now_s - age_s)
                self._sense(entry.asset, entry.body["alarms"])
            elif entry.kind == "alarm":
                key, state = (entry.asset, str(entry.body["alarm"])), str(entry.body["to"])
                before = self._alarms.get(key, Annunciation())
                active = before.active if state in HIDDEN else state in ("unacknowledged", "acknowledged")
                self._alarms[key] = Annunciation(state, active)

    def names(self) -> tuple[set[str], set[str], set[str]]:
        """All assets, parameters and alarms that were told of."""
        parameters = {name for each in self._assets.values() for name in each.finding["parameters"]}
        return set(self._assets), parameters, {alarm for _, alarm in self._alarms}

    def value(self, asset: str, parameter: str, now_s: float) -> Value:
        """As tracked, or as inferred from the newest window where there is no track."""
        latest = self._assets.get(asset)
        if latest is None:
            return Value()
        row = (latest.finding["track"] or latest.finding["parameters"]).get(parameter)
        if row is None:
            return Value()
        if self.stale(asset, now_s):
            return Value(Status.STALE, unit=row["unit"])
        if latest.finding["fit"]["quality"] == "bad":
            return Value(Status.BAD, unit=row["unit"])
        low, high, unit = _number(row["low"]), _number(row["high"]), row["unit"]
        if not row["resolvable"]:
            return Value(Status.NOT_RESOLVABLE, math.nan, low, high, unit)
        return Value(Status.RESOLVED, _number(row["mean"]), low, high, unit)

    def quality(self, asset: str) -> int:
        """Of the newest window, by QUALITIES; 0 before the first."""
        latest = self._assets.get(asset)
        return 0 if latest is None else QUALITIES[latest.finding["fit"]["quality"]]

    def age_s(self, asset: str, now_s: float) -> float:
        """Since the newest finding was made; NaN before the first."""
        latest = self._assets.get(asset)
        return math.nan if latest is None else max(0.0, now_s - latest.told_s)

    def stale(self, asset: str, now_s: float) -> bool:
        """Whether nothing new came for too long, or nothing at all."""
        return not self.age_s(asset, now_s) <= self.stale_s

    def finding(self, asset: str) -> tuple[Mapping[str, Any], int] | None:
        """The newest finding and its sequence."""
        latest = self._assets.get(asset)
        return None if latest is None else (latest.finding, latest.sequence)

    def alarm(self, asset: str, alarm: str) -> Annunciation:
        """Normal where nothing else was told."""
        return self._alarms.get((asset, alarm), Annunciation())

    def alarms(self) -> Mapping[tuple[str, str], Annunciation]:
        """All that were told of, by asset and name."""
        return self._alarms

    def _sense(self, asset: str, alarms: Sequence[Mapping[str, Any]]) -> None:
        """A finding says whether conditions stand; what operators see changes by records of alarms alone."""
        for alarm in alarms:
            key = (asset, str(alarm["name"]))
            before = self._alarms.get(key, Annunciation())
            self._alarms[key] = Annunciation(before.state, alarm["state"] in ("active", "clearing"))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
