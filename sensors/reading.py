"""One value as it was read, and how far it may be believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sensors.frame import Quality


@dataclass(frozen=True)
class Reading:
    """value: SI; NaN where there is none. reason: why the quality is not GOOD, for people."""

    value: float
    quality: Quality = Quality.GOOD
    reason: str = ""


@dataclass(frozen=True)
class Checks:
    """What a good value of a register is like.

    plausible: lowest and highest value that is believed, in the register's unit
    not_a_number: raw values by which the device says that it has no value
    values: meaning of each raw value, where only these exist (an enumeration)
    """

    plausible: tuple[float, ...] = ()
    not_a_number: tuple[int, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.plausible and (len(self.plausible) != 2 or not self.plausible[0] < self.plausible[1]):
            raise ValueError(f"plausible: found {list(self.plausible)}, expected the lowest and the highest value")
        for value in self.values:
            if not value.lstrip("-").isdecimal():
                raise ValueError(f"values: found {value!r}, expected a raw value, a whole number")

    def judge(self, raw: float, shown: float, unit: str, si: float) -> Reading:
        """raw: as the device holds it; shown: in the register's unit, which is `unit`; si: in SI."""
        if raw in self.not_a_number:
            return Reading(math.nan, Quality.BAD, f"the device has no value (raw {raw:.0f})")
        if not math.isfinite(shown):
            return Reading(si, Quality.BAD, f"not a finite number: {shown}")
        if self.plausible and not self.plausible[0] <= shown <= self.plausible[1]:
            low, high = self.plausible
            return Reading(si, Quality.UNCERTAIN, f"{shown:.6g} {unit} is not plausible, expected {low:g} to {high:g}")
        if self.values and self.meaning(raw) is None:
            known = ", ".join(f"{value} ({meaning})" for value, meaning in self.values.items())
            return Reading(si, Quality.UNCERTAIN, f"{raw:g} has no meaning, expected one of {known}")
        return Reading(si)

    def meaning(self, raw: float) -> str | None:
        """What an enumerated raw value means; None where it is unknown."""
        return self.values.get(f"{raw:.0f}") if raw == raw else None
