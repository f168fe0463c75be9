"""An alarm on silence: an asset that is not heard of any more."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inversion.alerts.conduct import LONGEST_S, check_name

_NS = 1_000_000_000
_LEAST_S = 1.0  # a clock judges it about once a second


@dataclass(frozen=True)
class SilenceRule:
    """Alarm when no window of an asset has come for `after_s`; a clock judges it, so only the gateway can.

    assets: those meant; none: every asset of the site
    """

    name: str
    after_s: float
    assets: tuple[str, ...] = ()
    severity: str = "alarm"
    latched: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)
        if not (self.after_s > 0 and math.isfinite(self.after_s)):
            raise ValueError(f"alarm {self.name!r}: after_s must be positive, got {self.after_s} s")
        if self.after_s < _LEAST_S:
            raise ValueError(f"alarm {self.name!r}: after_s must be at least {_LEAST_S:g} s, got {self.after_s:g} s")
        if self.after_s > LONGEST_S:
            raise ValueError(f"alarm {self.name!r}: after_s must be at most 744 h, got {self.after_s / 3600:g} h")
        if self.severity not in ("warning", "alarm"):
            raise ValueError(f"alarm {self.name!r}: severity must be 'warning' or 'alarm', got {self.severity!r}")

    @property
    def condition(self) -> str:
        """What is judged, for people."""
        return "silence"

    def silent(self, heard_ns: int, now_ns: int) -> bool:
        """Whether an asset last heard of at `heard_ns` is silent; both of one monotonic clock."""
        return now_ns - heard_ns > self.after_s * _NS
