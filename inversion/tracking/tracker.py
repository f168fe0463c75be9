"""How an asset's hidden state may move between windows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from inversion.tracking.growth import LAWS, STOP_AND_GO, Hypotheses, hypotheses

_MOST_WINDOWS = 1000.0


@dataclass(frozen=True)
class Tracker:
    """Settings of the filter. One latent unit is one standard deviation of the prior.

    growth_per_sqrt_day: how much a parameter may gain in one day, standard deviation, latent units: of a steady rate
        and of a random walk alike. Growth up to a hundred times as fast is followed once it shows
    growth: the same for single parameters, by name, in place of the common value
    shared: share of a window's error variance that windows have in common (geometry, entry strength, mounting), so
        that averaging never removes it; 0 to 0.95. By default it is learned: what windows do not scatter, they share
    laws: of growth that are possible, of "constant", "exponential", "accelerating", "decelerating", "wandering", and
        "stop and go" by any of them; all by default. Fewer foretell more sharply, and wrongly where the true one misses
    half_life: windows after which a window counts half in the share that resolve a parameter: so many in a row make
        a track resolvable, or not resolvable again
    """

    growth_per_sqrt_day: float = 0.5
    growth: Mapping[str, float] = field(default_factory=dict)
    shared: float | None = None
    laws: tuple[str, ...] = LAWS
    half_life: float = 3.0

    def __post_init__(self) -> None:
        for name, value in (("growth_per_sqrt_day", self.growth_per_sqrt_day), *self.growth.items()):
            if not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"growth must be zero or more, got {name} = {value}")
        if self.shared is not None and not 0 <= self.shared <= 0.95:
            raise ValueError(f"shared must lie between 0 and 0.95, got {self.shared}")
        if not set(self.laws) - {STOP_AND_GO} or set(self.laws) - set(LAWS):
            raise ValueError(f"laws must be some of {', '.join(LAWS)}; got {', '.join(self.laws) or 'none'}")
        if not (self.half_life > 0 and math.isfinite(self.half_life)):
            raise ValueError(f"half_life must be positive, got {self.half_life} windows")
        if self.half_life > _MOST_WINDOWS:
            problem = f"half_life must be at most {_MOST_WINDOWS:g} windows, got {self.half_life:g}"
            raise ValueError(f"{problem}: so many in a row resolve a parameter, and none alarms before")

    @property
    def discount(self) -> float:
        """What a window counts when the next one has come."""
        return float(0.5 ** (1 / self.half_life))

    def suppose(self, name: str) -> Hypotheses:
        """What is supposed of a parameter before any window."""
        return _hypotheses(self.growth.get(name, self.growth_per_sqrt_day), self.shared, self.laws)


_hypotheses = lru_cache(maxsize=64)(hypotheses)
