"""What is remembered of one asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_MAJORITY = 0.5 - 1e-9  # an even share counts, whatever the rounding


@dataclass(frozen=True)
class Belief:
    """One parameter of one asset along time, latent units.

    mean: posterior median
    variance: of the error that windows do not share, with what the random walk added
    shared: standard deviation of the error that windows share
    resolving, windows: windows that resolved the parameter, and all that could have, older ones counting less
    """

    mean: float
    variance: float
    shared: float
    resolving: float
    windows: float

    @property
    def resolved(self) -> bool:
        """Whether recent windows determine the parameter: one that does among many that do not is no evidence."""
        return self.windows > 0 and self.resolving / self.windows >= _MAJORITY

    @property
    def total(self) -> float:
        """Variance of all errors together."""
        return self.variance + self.shared**2


@dataclass(frozen=True)
class Track:
    """State of one asset after its latest window.

    last_ns: UTC, of the latest window
    space: the range of every parameter, SI, by which a changed model is recognized
    beliefs: by parameter name
    """

    last_ns: int
    space: Mapping[str, tuple[float, float]]
    beliefs: Mapping[str, Belief]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it."""
        return {
            "last_ns": self.last_ns,
            "space": {name: list(bounds) for name, bounds in self.space.items()},
            "beliefs": {name: asdict(belief) for name, belief in self.beliefs.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Track:
        """The track that `to_dict` wrote."""
        return cls(
            last_ns=data["last_ns"],
            space={name: (low, high) for name, (low, high) in data["space"].items()},
            beliefs={name: Belief(**belief) for name, belief in data["beliefs"].items()},
        )
