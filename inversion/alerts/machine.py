"""Which state a machine is in: stopped, running up, or whatever a site names; alarms are watched by state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sensors import Frame, Quality

RUNNING = "running"
#: After a channel that tells the state could not be read for `_UNREAD_S`: nothing is suppressed by what was then.
UNKNOWN = "unknown"
_UNREAD_S = 3600.0
_LONGEST_S = 8 * 3600.0
_NS = 1_000_000_000


@dataclass(frozen=True)
class StateRule:
    """The machine is in state `name` while a channel is below, at least, or changes faster than a value (SI).

    below, at_least: of the channel's value (of a waveform: its RMS); both: from `at_least` up to `below`
    changing: SI a second, size of the change since the last window: a run-up, a coast-down
    hold_s: how long the state lasts on after that, s
    """

    name: str
    channel: str
    below: float | None = None
    at_least: float | None = None
    changing: float | None = None
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.name or self.name == RUNNING:
            raise ValueError(f"name must differ from '{RUNNING}', which is what no rule says, got {self.name!r}")
        if self.below is None and self.at_least is None and self.changing is None:
            raise ValueError(f"machine state {self.name!r}: give below, at_least or changing, found none")
        if self.below is not None and self.at_least is not None and not self.at_least < self.below:
            raise ValueError(f"at_least must be less than below ({self.below:g}), got {self.at_least:g}")
        if self.changing is not None and not self.changing >= 0:
            raise ValueError(f"changing must be zero or more, got {self.changing:g}")
        if not (self.hold_s >= 0 and math.isfinite(self.hold_s)):
            raise ValueError(f"hold_s must be zero or more, got {self.hold_s} s")
        if self.hold_s > _LONGEST_S:
            problem = f"hold_s must be at most {_LONGEST_S:g} s, 8 h, got {self.hold_s:g} s"
            raise ValueError(f"{problem}: what is not watched in this state never alarms so long")

    def holds(self, value: float, change: float) -> bool:
        """Whether a value (SI) and its change (SI a second; zero before there is one) mean this state."""
        return (
            (self.below is None or value < self.below)
            and (self.at_least is None or value >= self.at_least)
            and (self.changing is None or abs(change) > self.changing)
        )


@dataclass(frozen=True)
class MachineState:
    """The state at the last window, by name; `until_ns`: held at least so long; `values` by channel, at `at_ns`."""

    name: str = RUNNING
    until_ns: int = 0
    at_ns: int | None = None
    values: tuple[tuple[str, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it."""
        return {**vars(self), "values": [list(value) for value in self.values]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MachineState:
        """The state that `to_dict` wrote."""
        return cls(data["name"], data["until_ns"], data["at_ns"], tuple((n, v) for n, v in data["values"]))


def follow(rules: Sequence[StateRule], state: MachineState, frame: Frame) -> MachineState:
    """State at one more frame; the first rule that holds names it. Pure.

    Where no channel can be read it stays, for an hour; then nobody knows it.
    """
    values = {rule.channel: _value(frame, rule.channel) for rule in rules}
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        unread = state.at_ns is not None and frame.start_ns - state.at_ns > _UNREAD_S * _NS
        return replace(state, name=UNKNOWN, until_ns=0) if unread and state.name != UNKNOWN else state
    before = dict(state.values)
    elapsed_s = 0.0 if state.at_ns is None else (frame.start_ns - state.at_ns) / _NS
    change = {n: (v - before[n]) / elapsed_s if n in before and elapsed_s > 0 else 0.0 for n, v in known.items()}
    after = tuple(sorted((before | known).items()))
    for rule in rules:
        if rule.channel in known and rule.holds(known[rule.channel], change[rule.channel]):
            return MachineState(rule.name, frame.start_ns + round(rule.hold_s * _NS), frame.start_ns, after)
    held = state.name != UNKNOWN and elapsed_s >= 0 and frame.start_ns < state.until_ns
    return MachineState(state.name if held else RUNNING, state.until_ns if held else 0, frame.start_ns, after)


def _value(frame: Frame, channel: str) -> float | None:
    waveform = frame.channels.get(channel)
    if waveform is None or waveform.quality is Quality.BAD:
        return None
    samples = waveform.samples.astype(np.float64)
    value = float(samples[0]) if samples.size == 1 else float(np.sqrt(np.mean(samples**2)))
    return value if math.isfinite(value) else None
