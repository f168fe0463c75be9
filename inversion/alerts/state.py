"""Where one alert rule stands between two estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inversion.alerts.baseline import Learned

PHASES = ("normal", "pending", "active", "clearing")


@dataclass(frozen=True)
class AlertState:
    """State of one rule for one asset.

    phase: "normal", "pending" (on-delay runs), "active", "clearing" (off-delay runs, still alarming)
    since_ns: UTC, when this phase began; None before the first judgement
    judged_ns: UTC, of the last estimate that said anything; None before the first
    probability: P(beyond the limit) at the last judgement; None before the first
    suppressed: not watched in the state that the machine is in
    learned: of the baseline; None where there is none
    """

    phase: str = "normal"
    since_ns: int | None = None
    judged_ns: int | None = None
    probability: float | None = None
    suppressed: bool = False
    learned: Learned | None = None

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise ValueError(f"phase must be one of {', '.join(PHASES)}; got {self.phase!r}")

    @property
    def alarming(self) -> bool:
        """Whether people should be told: active, or not yet cleared for long enough."""
        return self.phase in ("active", "clearing")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it; what is as in the beginning is left out."""
        plain = {name: value for name, value in vars(self).items() if value is not None}
        if self.learned is not None:
            plain["learned"] = vars(self.learned).copy()
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AlertState:
        """The state that `to_dict` wrote."""
        learned = data.get("learned")
        return cls(**{**data, "learned": None if learned is None else Learned(**learned)})
