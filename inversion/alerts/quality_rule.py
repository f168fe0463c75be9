"""An alarm on the quality of the data: a sensor that has come loose says nothing about a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inversion.alerts.conduct import check_conduct

QUALITIES = ("uncertain", "bad")


@dataclass(frozen=True)
class QualityRule:
    """Alarm when windows are of this quality or worse for `on_delay_s`.

    worst: "uncertain" or "bad", the best quality that alarms; the rest: see `Rule`
    """

    name: str
    worst: str = "bad"
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    max_gap_s: float = math.inf
    severity: str = "warning"
    latched: bool = False
    suppressed_in: tuple[str, ...] = ()
    only_in: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.worst not in QUALITIES:
            raise ValueError(f"alarm {self.name!r}: worst must be 'uncertain' or 'bad', got {self.worst!r}")
        check_conduct(self)

    @property
    def condition(self) -> str:
        """What is judged, for people and findings."""
        return "quality"
