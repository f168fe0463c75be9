"""What is remembered of one asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Belief:
    """One parameter of one asset along time, latent units.

    mean: posterior median
    variance: of the error that windows do not share, with what the random walk added
    shared: standard deviation of the error that windows share
    memory: share of `mean` that stems from resolvable windows; below one half the parameter is not resolvable
    """

    mean: float
    variance: float
    shared: float
    memory: float

    @property
    def resolved(self) -> bool:
        """Whether the windows so far determine the parameter, rather than only bound it from above."""
        return self.memory >= 0.5

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
