"""What is remembered of one asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inversion.tracking.bank import Array, Bank, from_text, to_text

_MAJORITY = 0.5 - 1e-9  # an even share counts, whatever the rounding


@dataclass(frozen=True)
class Rival:
    """The supposition that an asset changed at a window, with what has been seen since then only.

    trust: (m,) weights of the track's hypotheses before that window: what follows is no reason to change them, while
        it is in question
    bank: None while no window since then resolved the parameter
    odds: log of how much better it explains the windows since then than the track does
    resolving, windows, seen: since then, as in `Belief`
    """

    began_ns: int
    trust: Array
    bank: Bank | None
    odds: float
    resolving: float = 0.0
    windows: float = 0.0
    seen: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it."""
        bank = None if self.bank is None else self.bank.to_dict()
        return {**vars(self), "trust": to_text(self.trust), "bank": bank}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rival:
        """The rival that `to_dict` wrote."""
        return cls(**{**data, "trust": from_text(data["trust"]), "bank": _bank(data["bank"])})


@dataclass(frozen=True)
class Belief:
    """One parameter of one asset along time.

    bank: the filters; None where nothing is known
    resolving, windows: windows that resolved the parameter, and all that could have, older ones counting less
    missed, seen: windows that did not resolve it, and all, since the track began
    rival: that the asset has changed, while that is in question
    step_ns: UTC, first window after the latest step; None where none was seen
    began_ns: UTC, first window that the bank has learned from; None where there is no bank
    """

    bank: Bank | None = None
    resolving: float = 0.0
    windows: float = 0.0
    missed: int = 0
    seen: int = 0
    rival: Rival | None = None
    step_ns: int | None = None
    began_ns: int | None = None

    @property
    def resolved(self) -> bool:
        """Whether recent windows determine the parameter: one that does among many that do not is no evidence."""
        return self.bank is not None and self.windows > 0 and self.resolving / self.windows >= _MAJORITY

    @property
    def mean(self) -> float:
        """Latent mean of the level."""
        return 0.0 if self.bank is None else self.bank.moments[0]

    @property
    def total(self) -> float:
        """Latent variance of the level, all errors together."""
        return 1.0 if self.bank is None else self.bank.moments[1]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it; times that are none are left out."""
        plain = {
            "bank": None if self.bank is None else self.bank.to_dict(),
            "resolving": self.resolving,
            "windows": self.windows,
            "missed": self.missed,
            "seen": self.seen,
            "rival": None if self.rival is None else self.rival.to_dict(),
        }
        if self.step_ns is not None:
            plain["step_ns"] = self.step_ns
        if self.began_ns is not None:
            plain["began_ns"] = self.began_ns
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Belief:
        """The belief that `to_dict` wrote."""
        if data["bank"] is None and data["rival"] is None:
            return cls(**data)
        rival = None if data["rival"] is None else Rival.from_dict(data["rival"])
        return cls(**{**data, "bank": _bank(data["bank"]), "rival": rival})


@dataclass(frozen=True)
class Track:
    """State of one asset after its latest window.

    last_ns: UTC, of the latest window
    space: the range of every parameter that is no nuisance, SI, by which a changed model is recognized
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
            "beliefs": {name: belief.to_dict() for name, belief in self.beliefs.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Track:
        """The track that `to_dict` wrote."""
        return cls(
            last_ns=data["last_ns"],
            space={name: (low, high) for name, (low, high) in data["space"].items()},
            beliefs={name: Belief.from_dict(belief) for name, belief in data["beliefs"].items()},
        )


def _bank(data: Mapping[str, Any] | None) -> Bank | None:
    return None if data is None else Bank.from_dict(data)
