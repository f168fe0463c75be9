"""A limit that the machine sets itself: what it showed in its first windows, and a margin."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

_MOST_WINDOWS = 1_000_000  # a year of one every half minute
_MOST_SPREADS = 100.0


@dataclass(frozen=True)
class Baseline:
    """Learned from the first `windows` that say something, while the machine runs and the alarm is normal and watched.

    spreads: margin, in standard deviations of what was seen
    least: SI, margin at least: a machine that is steady at first would alarm on nothing otherwise
    """

    windows: int
    least: float
    spreads: float = 6.0

    def __post_init__(self) -> None:
        if self.windows < 2:
            raise ValueError(f"windows must be at least 2, got {self.windows}")
        if self.windows > _MOST_WINDOWS:
            problem = f"windows must be at most {_MOST_WINDOWS}, got {self.windows}"
            raise ValueError(f"{problem}: until then nothing is learned")
        for key in ("least", "spreads"):
            if not (getattr(self, key) > 0 and math.isfinite(getattr(self, key))):
                raise ValueError(f"{key} must be positive, got {getattr(self, key)}")
        if self.spreads > _MOST_SPREADS:
            problem = f"spreads must be at most {_MOST_SPREADS:g} standard deviations, got {self.spreads:g}"
            raise ValueError(f"{problem}: what is learned would tighten nothing")


@dataclass(frozen=True)
class Learned:
    """Count, mean and sum of squared deviations (SI) of what was seen; Welford, Technometrics 4 (1962) 419.

    of: parameter and side; of others it says nothing. Empty: learned by a version that did not say
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    of: str = ""

    def about(self, what: str) -> bool:
        """Whether it was learned of this."""
        return self.of in ("", what)


def learn(baseline: Baseline, learned: Learned, value: float) -> Learned:
    """One more value; none after the last that is wanted."""
    if learned.count >= baseline.windows:
        return learned
    count = learned.count + 1
    mean = learned.mean + (value - learned.mean) / count
    return replace(learned, count=count, mean=mean, squares=learned.squares + (value - learned.mean) * (value - mean))


def tightened(baseline: Baseline, learned: Learned | None, limit: float, side: str) -> float:
    """SI limit in force: the learned one, never looser than the configured one, which holds while learning."""
    if learned is None or learned.count < baseline.windows:
        return limit
    margin = max(baseline.least, baseline.spreads * math.sqrt(learned.squares / (learned.count - 1)))
    return min(limit, learned.mean + margin) if side == "above" else max(limit, learned.mean - margin)
