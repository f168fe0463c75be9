"""What an alarm is raised on: the probability that a parameter, now or soon, or its growth is beyond a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inversion.alerts.baseline import Baseline
from inversion.alerts.conduct import check_conduct

SIDES = ("above", "below")
CONDITIONS = ("value", "growth")
#: Of a posterior quantiles are kept up to 0.9995.
MOST_CONFIDENCE = 0.999


@dataclass(frozen=True)
class AlertRule:
    """Alarm when the probability of being beyond `limit` reaches `confidence`.

    limit: SI; side: "above" or "below", the side of the limit that is beyond it
    within_days: 0: the limit is passed now; more: it is, or will be passed within so many days, as its track foretells
    condition: what is judged: the "value" of the parameter, or its "growth" (limit in SI a second)
    confidence: probability, between 0.5 and 1; also the level of the interval that an unresolved estimate is cleared by
    deadband: SI; a standing alarm is over only when the value is so far on the safe side of the limit
    baseline: tightens the limit to what the machine itself showed at first
    on_delay_s: how long the evidence must last before the alarm is active, s
    off_delay_s: how long the all-clear must last before an active alarm is normal again, s
    max_gap_s: a longer silence between two judgements breaks a running delay, which then starts again, s
    severity, latched, suppressed_in, only_in: see `Rule`
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
    condition: str = "value"
    deadband: float = 0.0
    baseline: Baseline | None = None
    severity: str = "alarm"
    latched: bool = False
    suppressed_in: tuple[str, ...] = ()
    only_in: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.parameter:
            raise ValueError(f"parameter must be given, got {self.parameter!r}")
        if not math.isfinite(self.limit):
            raise ValueError(f"alarm {self.name!r}: limit must be a number, got {self.limit}")
        if self.side not in SIDES:
            raise ValueError(f"alarm {self.name!r}: side must be 'above' or 'below', got {self.side!r}")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"alarm {self.name!r}: confidence must lie between 0.5 and 1, got {self.confidence}")
        if self.confidence > MOST_CONFIDENCE:
            problem = f"confidence must be at most {MOST_CONFIDENCE}, got {self.confidence}"
            raise ValueError(f"alarm {self.name!r}: {problem}: posteriors are told no further, it would hardly alarm")
        if not (self.within_days >= 0 and math.isfinite(self.within_days)):
            raise ValueError(f"alarm {self.name!r}: within_days must be zero or more, got {self.within_days}")
        check_conduct(self)
        self._check_condition()

    @property
    def learns(self) -> str:
        """What its baseline is of."""
        return f"{self.parameter} {self.side}"

    def _check_condition(self) -> None:
        if self.condition not in CONDITIONS:
            raise ValueError(f"condition must be one of {', '.join(CONDITIONS)}; got {self.condition!r}")
        if not (self.deadband >= 0 and math.isfinite(self.deadband)):
            raise ValueError(f"deadband must be zero or more, got {self.deadband}")
        if self.condition != "value" and (self.deadband or self.within_days or self.baseline is not None):
            raise ValueError(f"deadband, within_days and baseline go with condition 'value', got {self.condition!r}")
