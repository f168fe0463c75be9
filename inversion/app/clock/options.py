"""`[clock]`: when this box's clock is believed."""

from __future__ import annotations

from dataclasses import dataclass

TRUST = ("synchronized", "always", "never")


@dataclass(frozen=True)
class ClockOptions:
    """trust: "synchronized" (while the kernel says so: NTP, PTP, GPS), "always" (set by other means) or "never"."""

    trust: str = "synchronized"

    def __post_init__(self) -> None:
        if self.trust not in TRUST:
            raise ValueError(f"trust must be one of {', '.join(TRUST)}; got {self.trust!r}")
