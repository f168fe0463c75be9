"""What an alarm is raised on."""

from __future__ import annotations

import math
from dataclasses import dataclass

SIDES = ("above", "below")


@dataclass(frozen=True)
class AlertRule:
    """Alarm when P(parameter beyond `limit`) reaches `confidence`: now, or within some days as its track foretells.

    limit: SI; side: "above" or "below", the side of the limit that is beyond it
    within_days: 0: the limit is passed now; more: it is, or will be passed within so many days
    confidence: probability, between 0.5 and 1; also the level of the interval that an unresolved estimate is cleared by
    on_delay_s: how long the evidence must last before the alarm is active, s
    off_delay_s: how long the all-clear must last before an active alarm is normal again, s
    max_gap_s: a longer silence between two judgements breaks a running delay, which then starts again, s
    """

    name: str
    parameter: str
    limit: float
    side: str = "above"
    within_days: float = 0.0
    confidence: float = 0.9
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    max_gap_s: float = math.inf

    def __post_init__(self) -> None:
        if not self.name or not self.parameter:
            raise ValueError(f"an alarm needs a name and a parameter, got {self.name!r} and {self.parameter!r}")
        if not math.isfinite(self.limit):
            raise ValueError(f"alarm {self.name!r}: limit must be a number, got {self.limit}")
        if self.side not in SIDES:
            raise ValueError(f"alarm {self.name!r}: side must be 'above' or 'below', got {self.side!r}")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"alarm {self.name!r}: confidence must lie between 0.5 and 1, got {self.confidence}")
        if not (self.within_days >= 0 and math.isfinite(self.within_days)):
            raise ValueError(f"alarm {self.name!r}: within_days must be zero or more, got {self.within_days}")
        for key in ("on_delay_s", "off_delay_s"):
            if not (getattr(self, key) >= 0 and math.isfinite(getattr(self, key))):
                raise ValueError(f"alarm {self.name!r}: {key} must be zero or more, got {getattr(self, key)} s")
        if not self.max_gap_s > 0:
            raise ValueError(f"alarm {self.name!r}: max_gap_s must be positive, got {self.max_gap_s} s")
