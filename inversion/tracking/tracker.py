"""How an asset's hidden state may move between windows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tracker:
    """Settings of the filter. One latent unit is one standard deviation of the prior.

    growth_per_sqrt_day: standard deviation that a parameter's random walk gains in one day, latent units
    growth: the same for single parameters, by name, in place of the common value
    shared: share of a window's variance that windows have in common (geometry, entry strength, mounting),
        so that averaging never removes it; 0 to 0.5
    half_life: windows after which a window counts half in the share that resolve a parameter: so many in a row make
        a track resolvable, or not resolvable again
    """

    growth_per_sqrt_day: float = 0.5
    growth: Mapping[str, float] = field(default_factory=dict)
    shared: float = 0.3
    half_life: float = 3.0

    def __post_init__(self) -> None:
        for name, value in (("growth_per_sqrt_day", self.growth_per_sqrt_day), *self.growth.items()):
            if not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"tracking: growth must be zero or more, got {name} = {value}")
        if not 0 <= self.shared <= 0.5:
            raise ValueError(f"tracking: shared must lie between 0 and 0.5, got {self.shared}")
        if not (self.half_life > 0 and math.isfinite(self.half_life)):
            raise ValueError(f"tracking: half_life must be positive, got {self.half_life} windows")

    @property
    def discount(self) -> float:
        """What a window counts when the next one has come."""
        return float(0.5 ** (1 / self.half_life))

    def step_variance(self, name: str, elapsed_ns: int) -> float:
        """Variance that the random walk of a parameter gains in this time, latent units squared."""
        days = max(elapsed_ns, 0) / 86_400e9
        return self.growth.get(name, self.growth_per_sqrt_day) ** 2 * days
